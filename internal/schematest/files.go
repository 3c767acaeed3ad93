package schematest

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Files holds a schema and a parser against each other, over the files of testdata: both
// take those in good and refuse those in wrong; of those in parser the parser alone sees
// what is wrong. A file that is refused begins with the line "# says: " and what the parser
// says then, in one line that does not show the secret.
func Files(t *testing.T, schema []byte, parse func(text []byte) error, secret string) {
	s := Compile(t, schema)
	refused := func(name string, text []byte) {
		t.Helper()
		first, _, _ := strings.Cut(string(text), "\n")
		says, ok := strings.CutPrefix(first, "# says: ")
		err := parse(text)
		switch {
		case !ok:
			t.Errorf("%s does not begin with what is said of it", name)
		case err == nil:
			t.Errorf("%s: the parser takes it", name)
		case !strings.Contains(err.Error(), says):
			t.Errorf("%s: %q does not say %q", name, err, says)
		case strings.Contains(err.Error(), "\n"), strings.Contains(err.Error(), secret):
			t.Errorf("%s: %q shows a key or takes more than a line", name, err)
		}
	}
	for name, text := range Examples(t, "good") {
		if err := Fits(t, s, text); err != nil {
			t.Errorf("%s: the schema refuses it: %v", name, err)
		}
		if err := parse(text); err != nil {
			t.Errorf("%s: the parser refuses it: %v", name, err)
		}
	}
	for name, text := range Examples(t, "wrong") {
		if Fits(t, s, text) == nil {
			t.Errorf("%s: the schema takes it", name)
		}
		refused(name, text)
	}
	for name, text := range Examples(t, "parser") {
		if err := Fits(t, s, text); err != nil {
			t.Errorf("%s: the schema sees it as well, so it belongs to the wrong ones: %v", name, err)
		}
		refused(name, text)
	}
}

// Fits is what the schema says of a YAML text.
func Fits(t testing.TB, s *jsonschema.Schema, text []byte) error {
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

// Examples are the YAML files of a folder of testdata, by name.
func Examples(t testing.TB, folder string) map[string][]byte {
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
