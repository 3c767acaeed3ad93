package yamlfile_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/yamlfile"
)

type document struct {
	Name string `yaml:"name"`
	Keys []struct {
		Key string `yaml:"key"`
	} `yaml:"keys"`
}

const text = "name: one\nkeys:\n  - key: a\n  - key: ${KEY}\n"

func TestAnErrorSaysWhereItsFieldIs(t *testing.T) {
	t.Parallel()
	var d document
	f, err := yamlfile.Read([]byte(text), &d)
	if err != nil {
		t.Fatal(err)
	}
	why := errors.New("is wrong")
	for field, want := range map[string]string{
		"name": "[1:7] name is wrong", "keys[1].key": "[4:10] keys[1].key is wrong", "keys[0].absent": "[3:8] keys[0].absent is wrong",
		"keys[7]": "[3:3] keys[7] is wrong", "absent": "[1:1] absent is wrong", "a$b.c": "[1:1] a$b.c is wrong",
	} {
		if err := f.At(field, why); err.Error() != want || !errors.Is(err, why) {
			t.Errorf("%q, want %q", err, want)
		}
	}
}

func TestWhatCannotBeReadIsNotQuoted(t *testing.T) {
	t.Parallel()
	for rule, c := range map[string][2]string{
		"an unknown field":      {"name: one\nsEcReT: x\n", "[2:1]"},
		"another type":          {"name: one\nkeys: sEcReTx\n", "[2:7]"},
		"broken YAML":           {"name: sEcReT: [\n", "[1:"},
		"a field that is twice": {"name: sEcReT\nname: sEcReT\n", "[2:1]"},
	} {
		var d document
		_, err := yamlfile.Read([]byte(c[0]), &d)
		if err == nil || !strings.Contains(err.Error(), c[1]) || strings.Contains(err.Error(), "\n") || rule != "an unknown field" && strings.Contains(err.Error(), "sEcReT") {
			t.Errorf("%s: %v", rule, err)
		}
	}
}

func TestALiteralSecretIsForPrivateFiles(t *testing.T) {
	t.Parallel()
	lookup := func(name string) (string, bool) { return "value of " + name, name == "KEY" }
	for _, c := range []struct {
		rule, value string
		secret      bool
		mode        fs.FileMode
		want, says  string
	}{
		{"a plain literal", "x", false, 0o644, "x", ""},
		{"a reference", "${KEY}", true, 0o644, "value of KEY", ""},
		{"a literal secret", "x", true, 0o640, "", "0600"},
		{"a literal secret in a private file", "x", true, 0o600, "x", ""},
		{"a literal key behind a reference", "HostName=${KEY};SharedAccessKey=x", true, 0o604, "", "0600"},
		{"nothing", "", true, 0o644, "", ""},
		{"a reference to nothing", "${NOBODY}", false, 0o600, "", "${NOBODY}, which is not set"},
	} {
		value := c.value
		field := yamlfile.Plain("name", &value)
		if c.secret {
			field = yamlfile.Secret("name", &value)
		}
		f, err := yamlfile.Read([]byte(text), new(document))
		if err != nil {
			t.Fatal(err)
		}
		err = f.Resolve([]yamlfile.Text{field}, c.mode, lookup)
		if c.says == "" && (err != nil || value != c.want) {
			t.Errorf("%s: %q, %v", c.rule, value, err)
		}
		if c.says != "" && (err == nil || !strings.HasPrefix(err.Error(), "[1:7] name ") || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", c.rule, err)
		}
	}
}
