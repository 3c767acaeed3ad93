package sut_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/schematest"
	"github.com/dpslab/dpslab/suites/sut"
)

// Target files that documents show are ones that both the schema and the parser take.
func TestTargetFilesInDocumentsAreGood(t *testing.T) {
	s, docs := schematest.Compile(t, sut.Schema), filepath.Join("..", "..", "docs")
	anything := func(name string) (string, bool) {
		switch {
		case strings.Contains(name, "CONNECTION_STRING"):
			return "HostName=name.test;SharedAccessKeyName=dpslab;SharedAccessKey=c2VjcmV0", true
		default:
			return "value", true
		}
	}
	found := 0
	good := func(where string, text []byte) {
		found++
		if err := schematest.Fits(t, s, text); err != nil {
			t.Errorf("%s: the schema refuses it: %v", where, err)
		}
		if _, err := sut.Parse(text, 0o644, anything); err != nil {
			t.Errorf("%s: the parser refuses it: %v", where, err)
		}
	}
	example, err := os.ReadFile(filepath.Join(docs, "examples", "gateway", "target.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	good("gateway", example)
	page, err := os.ReadFile(filepath.Join(docs, "azure.md"))
	if err != nil {
		t.Fatal(err)
	}
	for block := range strings.SplitSeq(string(page), "```yaml\n") {
		if text, _, ok := strings.Cut(block, "\n```"); ok && strings.Contains(text, "dpslab: target/v1") {
			good("azure.md", []byte(text))
		}
	}
	if found != 2 {
		t.Errorf("%d target files", found)
	}
}
