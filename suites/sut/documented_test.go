package sut_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/dpslab/dpslab/internal/schematest"
	"github.com/dpslab/dpslab/suites/sut"
)

// block is a target file in a page of the documentation.
var block = regexp.MustCompile("(?s)```[a-z]*\n((?:#[^\n]*\n)*dpslab: target/v1\n.*?)```")

// Whoever copies a target file from the documentation has one that is taken.
func TestTargetFilesInTheDocumentationAreTaken(t *testing.T) {
	page, err := os.ReadFile("../../docs/azure.md")
	if err != nil {
		t.Fatal(err)
	}
	gateway, err := os.ReadFile("../../docs/examples/gateway/target.yaml")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string][]byte{"docs/examples/gateway/target.yaml": gateway}
	for _, found := range block.FindAllSubmatch(page, -1) {
		texts["docs/azure.md: "+string(found[1][:40])] = found[1]
	}
	if len(texts) < 2 {
		t.Fatal("docs/azure.md shows no target file")
	}
	anything := func(string) (string, bool) {
		return "HostName=demo.azure-devices-provisioning.net;SharedAccessKeyName=owner;SharedAccessKey=c2VjcmV0", true
	}
	s := schematest.Compile(t, sut.Schema)
	for name, text := range texts {
		if err := schematest.Fits(t, s, text); err != nil {
			t.Errorf("%s: the schema: %v", name, err)
		}
		if _, err := sut.Parse(text, 0o644, anything); err != nil {
			t.Errorf("%s: the parser: %v", name, err)
		}
	}
}
