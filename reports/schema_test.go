package reports_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/reports/internal/sample"
)

// schema compiles the published schema and asserts formats too.
func schema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(reports.JSONSchema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("run.schema.json", document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("run.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func written(t testing.TB, r reports.Run) map[string]any {
	t.Helper()
	var text bytes.Buffer
	if err := reports.WriteJSON(&text, r); err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(&text)
	if err != nil {
		t.Fatal(err)
	}
	return document.(map[string]any)
}

func TestWhatIsWrittenFollowsTheSchema(t *testing.T) {
	s := schema(t)
	for name, r := range map[string]reports.Run{"an example": example(), "one of every outcome, with claims": sample.Mixed(), "one that is all red": sample.Reds(3)} {
		if err := s.Validate(written(t, r)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheSchemaRefuses(t *testing.T) {
	s := schema(t)
	result := func(document map[string]any, n int) map[string]any {
		return document["results"].([]any)[n].(map[string]any)
	}
	for rule, change := range map[string]func(document map[string]any){
		"another version":             func(d map[string]any) { d["schema"] = "dpslab/run/v2" },
		"no tool":                     func(d map[string]any) { delete(d, "tool") },
		"no target host":              func(d map[string]any) { delete(d["target"].(map[string]any), "host") },
		"a time that is none":         func(d map[string]any) { d["started"] = "noon" },
		"a count below zero":          func(d map[string]any) { d["counts"].(map[string]any)["failed"] = -1 },
		"an outcome that is none":     func(d map[string]any) { result(d, 0)["outcome"] = "fine" },
		"a red without a failure":     func(d map[string]any) { delete(result(d, 0), "failure") },
		"a skip without a reason":     func(d map[string]any) { delete(result(d, 4), "reason") },
		"a pass that checked nothing": func(d map[string]any) { result(d, 1)["assertions"] = 0 },
		"a side that is none":         func(d map[string]any) { result(d, 0)["exchange"].([]any)[0].(map[string]any)["side"] = "peer" },
		"a requirement that is none":  func(d map[string]any) { result(d, 0)["requirement"] = "<b>" },
	} {
		document := written(t, example())
		change(document)
		if s.Validate(document) == nil {
			t.Errorf("%s is accepted", rule)
		}
	}
}

// TestTheSchemaTellsEveryMember compares the schema with the types, both ways, and demands
// a description for each member.
func TestTheSchemaTellsEveryMember(t *testing.T) {
	var document map[string]any
	if err := json.Unmarshal(reports.JSONSchema, &document); err != nil {
		t.Fatal(err)
	}
	defs := document["$defs"].(map[string]any)
	resolve := func(node map[string]any) map[string]any {
		for {
			name, is := strings.CutPrefix(reference(node), "#/$defs/")
			if !is {
				return node
			}
			node = defs[name].(map[string]any)
		}
	}
	var compare func(where string, of reflect.Type, node map[string]any)
	compare = func(where string, of reflect.Type, node map[string]any) {
		node = resolve(node)
		switch {
		case of.Kind() == reflect.Slice && of.Elem().Kind() == reflect.Struct:
			compare(where+"[]", of.Elem(), node["items"].(map[string]any))
		case of.Kind() == reflect.Pointer:
			compare(where, of.Elem(), node)
		case of.Kind() == reflect.Struct && of.PkgPath() != "time":
			properties, _ := node["properties"].(map[string]any)
			told := slices.Collect(maps.Keys(properties))
			var required []string
			for _, name := range anySlice(node["required"]) {
				required = append(required, name.(string))
			}
			for field := range fields(of) {
				name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
				property, ok := properties[name].(map[string]any)
				if !ok {
					t.Errorf("%s.%s is not in the schema", where, name)
					continue
				}
				if property["description"] == nil {
					t.Errorf("%s.%s has no description", where, name)
				}
				if always := !strings.Contains(options, "omitempty"); always != slices.Contains(required, name) {
					t.Errorf("%s.%s: written always %v, required %v", where, name, always, !always)
				}
				told = slices.DeleteFunc(told, func(n string) bool { return n == name })
				compare(where+"."+name, field.Type, property)
			}
			if len(told) > 0 {
				t.Errorf("the schema tells of %s.%s, which are not there", where, told)
			}
		}
	}
	compare("run", reflect.TypeFor[reports.Run](), document)
}

func reference(node map[string]any) string {
	to, _ := node["$ref"].(string)
	return to
}

func anySlice(v any) []any {
	list, _ := v.([]any)
	return list
}

// fields are the members of a struct that JSON knows, embedded ones unfolded.
func fields(of reflect.Type) func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for _, f := range reflect.VisibleFields(of) {
			if !f.Anonymous && f.IsExported() && f.Tag.Get("json") != "-" && !yield(f) {
				return
			}
		}
	}
}
