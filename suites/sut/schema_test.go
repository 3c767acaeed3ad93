package sut_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dpslab/dpslab/suites/sut"
)

func schema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(sut.Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("target.schema.json", document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("target.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fits is what the schema says of a YAML text.
func fits(t testing.TB, s *jsonschema.Schema, text []byte) error {
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
func examples(t testing.TB, folder string) map[string][]byte {
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

func fileLookup(name string) (string, bool) {
	values := map[string]string{
		"KEY": "c2VjcmV0", "TOKEN": "t-t", "HUB": "HostName=hub.test;SharedAccessKeyName=o;SharedAccessKey=c2VjcmV0",
		"SERVICE": "HostName=dps.test;SharedAccessKeyName=o;SharedAccessKey=c2VjcmV0",
	}
	v, ok := values[name]
	return v, ok
}

func TestSchemaAndParserAcceptTheSameFiles(t *testing.T) {
	s := schema(t)
	for name, text := range examples(t, "good") {
		if err := fits(t, s, text); err != nil {
			t.Errorf("%s: the schema refuses it: %v", name, err)
		}
		if _, err := sut.Parse(text, 0o644, fileLookup); err != nil {
			t.Errorf("%s: the parser refuses it: %v", name, err)
		}
	}
}

func TestSchemaAndParserRefuseTheSameFiles(t *testing.T) {
	s := schema(t)
	wrong := examples(t, "wrong")
	if len(wrong) < 20 {
		t.Errorf("only %d wrong files", len(wrong))
	}
	for name, text := range wrong {
		if fits(t, s, text) == nil {
			t.Errorf("%s: the schema takes it", name)
		}
		refused(t, name, text)
	}
}

// refused holds the parser to what the file's first line says of its error.
func refused(t *testing.T, name string, text []byte) {
	t.Helper()
	first, _, _ := strings.Cut(string(text), "\n")
	says := strings.TrimPrefix(first, "# says: ")
	_, err := sut.Parse(text, 0o644, fileLookup)
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

func TestTheParserSeesWhatASchemaCannot(t *testing.T) {
	s := schema(t)
	for name, text := range examples(t, "parser") {
		if err := fits(t, s, text); err != nil {
			t.Errorf("%s: the schema sees it as well, so it belongs to the wrong ones: %v", name, err)
		}
		refused(t, name, text)
	}
}

// property is one object of the schema.
type property struct {
	Description string              `json:"description"`
	Ref         string              `json:"$ref"`
	Properties  map[string]property `json:"properties"`
	Items       *property           `json:"items"`
}

func TestTheSchemaDescribesEveryField(t *testing.T) {
	var root struct {
		property
		Defs map[string]property `json:"$defs"`
	}
	if err := json.Unmarshal(sut.Schema, &root); err != nil {
		t.Fatal(err)
	}
	resolved := func(p property) property {
		if def, ok := root.Defs[strings.TrimPrefix(p.Ref, "#/$defs/")]; ok {
			if p.Description == "" {
				p.Description = def.Description
			}
			if p.Properties == nil {
				p.Properties = def.Properties
			}
		}
		return p
	}
	var compare func(at string, p property, of reflect.Type)
	compare = func(at string, p property, of reflect.Type) {
		for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
			if of.Kind() == reflect.Slice && p.Items != nil {
				p = resolved(*p.Items)
			}
			of = of.Elem()
		}
		if of.Kind() != reflect.Struct {
			return
		}
		fields := map[string]reflect.Type{}
		for i := range of.NumField() {
			if name, _, _ := strings.Cut(of.Field(i).Tag.Get("yaml"), ","); name != "-" {
				fields[name] = of.Field(i).Type
			}
		}
		for name, kind := range fields {
			described, ok := p.Properties[name]
			if !ok {
				t.Errorf("the schema does not know %s.%s", at, name)
				continue
			}
			described = resolved(described)
			if described.Description == "" {
				t.Errorf("the schema does not say what %s.%s is", at, name)
			}
			compare(at+"."+name, described, kind)
		}
		for name := range p.Properties {
			if _, ok := fields[name]; !ok {
				t.Errorf("the schema has %s.%s, and no file may", at, name)
			}
		}
	}
	compare("", root.property, reflect.TypeFor[sut.Target]())
}
