package labfile_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dpslab/dpslab/internal/labfile"
)

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(labfile.Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("lab.schema.json", document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("lab.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fits is what the schema says of a YAML text.
func fits(t *testing.T, s *jsonschema.Schema, text []byte) error {
	t.Helper()
	asJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(document)
}

// examples are the files of a folder of testdata.
func examples(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", folder, "*.yaml"))
	if err != nil || len(names) == 0 {
		t.Fatal(err, names)
	}
	texts := map[string][]byte{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts[strings.TrimSuffix(filepath.Base(name), ".yaml")] = text
	}
	return texts
}

func lookup(name string) (string, bool) {
	value, ok := map[string]string{"KEY": "c2VjcmV0", "NAME": "plant-1", "SCOPE": "0ne00DEMO01"}[name]
	return value, ok
}

func TestSchemaAndParserAcceptTheSameFiles(t *testing.T) {
	t.Parallel()
	s := schema(t)
	for name, text := range examples(t, "good") {
		if err := fits(t, s, text); err != nil {
			t.Errorf("%s: the schema refuses it: %v", name, err)
		}
		if _, err := labfile.Parse(text, 0o644, lookup); err != nil {
			t.Errorf("%s: the parser refuses it: %v", name, err)
		}
	}
}

func TestSchemaAndParserRefuseTheSameFiles(t *testing.T) {
	t.Parallel()
	s := schema(t)
	for name, text := range examples(t, "wrong") {
		if fits(t, s, text) == nil {
			t.Errorf("%s: the schema takes it", name)
		}
		refused(t, name, text)
	}
}

func TestTheParserSeesWhatASchemaCannot(t *testing.T) {
	t.Parallel()
	s := schema(t)
	for name, text := range examples(t, "parser") {
		if err := fits(t, s, text); err != nil {
			t.Errorf("%s: the schema sees it as well, so it belongs to the wrong ones: %v", name, err)
		}
		refused(t, name, text)
	}
}

// refused holds the parser to what the file's first line says of its error.
func refused(t *testing.T, name string, text []byte) {
	t.Helper()
	first, _, _ := strings.Cut(string(text), "\n")
	says := strings.TrimPrefix(first, "# says: ")
	_, err := labfile.Parse(text, 0o644, lookup)
	if err == nil {
		t.Errorf("%s: the parser takes it", name)
		return
	}
	if !strings.Contains(err.Error(), says) {
		t.Errorf("%s: %q does not say %q", name, err, says)
	}
	if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "c2VjcmV0") {
		t.Errorf("%s: %q shows a key or takes more than a line", name, err)
	}
}
