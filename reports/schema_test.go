package reports_test

import (
	"bytes"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dpslab/dpslab/internal/schematest"
	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/reports/internal/sample"
)

func schema(t testing.TB) *jsonschema.Schema { return schematest.Compile(t, reports.JSONSchema) }

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

func TestTheSchemaTellsEveryMember(t *testing.T) {
	schematest.TellsEveryMember[reports.Run](t, reports.JSONSchema)
}
