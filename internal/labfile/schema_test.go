package labfile_test

import (
	"testing"

	"github.com/dpslab/dpslab/internal/labfile"
	"github.com/dpslab/dpslab/internal/schematest"
)

const secret = "c2VjcmV0"

func lookup(name string) (string, bool) {
	value, ok := map[string]string{"KEY": secret, "NAME": "plant-1", "SCOPE": "0ne00DEMO01"}[name]
	return value, ok
}

func TestSchemaAndParserAgree(t *testing.T) {
	t.Parallel()
	schematest.Files(t, labfile.Schema, func(text []byte) error {
		_, err := labfile.Parse(text, 0o644, lookup)
		return err
	}, secret)
}
