// Package schematest holds JSON Schemas against what is written and read: those of result
// files against their types, those of files that people write against their parser.
package schematest

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Compile compiles a schema that asserts formats too.
func Compile(t testing.TB, schema []byte) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("schema.json", document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TellsEveryMember compares a schema with the type T, both ways, and demands a description
// for each member.
func TellsEveryMember[T any](t testing.TB, schema []byte) {
	t.Helper()
	var document map[string]any
	if err := json.Unmarshal(schema, &document); err != nil {
		t.Fatal(err)
	}
	c := comparison{t, document["$defs"].(map[string]any)}
	c.compare("run", reflect.TypeFor[T](), document)
}

type comparison struct {
	t    testing.TB
	defs map[string]any
}

func (c comparison) resolve(node map[string]any) map[string]any {
	for {
		to, _ := node["$ref"].(string)
		name, is := strings.CutPrefix(to, "#/$defs/")
		if !is {
			return node
		}
		node = c.defs[name].(map[string]any)
	}
}

// marshaler is a type that writes itself: its schema is not compared.
var marshaler = reflect.TypeFor[json.Marshaler]()

func (c comparison) compare(where string, of reflect.Type, node map[string]any) {
	node = c.resolve(node)
	switch {
	case of.Kind() == reflect.Slice && of.Elem().Kind() == reflect.Struct:
		c.compare(where+"[]", of.Elem(), node["items"].(map[string]any))
	case of.Kind() == reflect.Pointer:
		c.compare(where, of.Elem(), node)
	case of.Kind() == reflect.Struct && !of.Implements(marshaler):
		c.members(where, of, node)
	}
}

func (c comparison) members(where string, of reflect.Type, node map[string]any) {
	properties, _ := node["properties"].(map[string]any)
	told := slices.Collect(maps.Keys(properties))
	required, _ := node["required"].([]any)
	for _, field := range reflect.VisibleFields(of) {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if field.Anonymous || !field.IsExported() || name == "-" {
			continue
		}
		property, ok := properties[name].(map[string]any)
		if !ok {
			c.t.Errorf("%s.%s is not in the schema", where, name)
			continue
		}
		if property["description"] == nil {
			c.t.Errorf("%s.%s has no description", where, name)
		}
		if always := !strings.Contains(options, "omitempty"); always != slices.Contains(required, any(name)) {
			c.t.Errorf("%s.%s: written always %v, required %v", where, name, always, !always)
		}
		told = slices.DeleteFunc(told, func(n string) bool { return n == name })
		c.compare(where+"."+name, field.Type, property)
	}
	if len(told) > 0 {
		c.t.Errorf("the schema tells of %s.%s, which are not there", where, told)
	}
}
