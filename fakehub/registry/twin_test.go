package registry_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/fakehub/huberror"
	"github.com/dpslab/dpslab/fakehub/registry"
	"github.com/dpslab/dpslab/internal/etag"
)

func TestAFreshTwin(t *testing.T) {
	r, _ := newRegistry(t)
	create(t, r, "d1")
	twin, err := r.Twin("d1")
	if err != nil {
		t.Fatal(err)
	}
	if twin.ETag != "AAAAAAAAAAE=" || twin.Version != 2 || twin.Desired.Version != 1 || twin.Reported.Version != 1 {
		t.Errorf("etag %s, version %d, desired %d, reported %d", twin.ETag, twin.Version, twin.Desired.Version, twin.Reported.Version)
	}
	_, err = r.Twin("d2")
	wantCode(t, err, huberror.DeviceNotFound)
}

func TestPatchMergesAndNullDeletes(t *testing.T) {
	for rule, tc := range map[string]struct{ before, patch, after string }{
		"adds":                          {`{"a":1}`, `{"b":2}`, `{"a":1,"b":2}`},
		"replaces a value":              {`{"a":1}`, `{"a":"x"}`, `{"a":"x"}`},
		"null deletes":                  {`{"a":1,"b":2}`, `{"a":null}`, `{"b":2}`},
		"null of a missing member":      {`{"a":1}`, `{"b":null}`, `{"a":1}`},
		"merges objects":                {`{"o":{"a":1,"b":2}}`, `{"o":{"b":3,"c":4}}`, `{"o":{"a":1,"b":3,"c":4}}`},
		"null deletes at depth":         {`{"o":{"a":1,"b":2}}`, `{"o":{"a":null}}`, `{"o":{"b":2}}`},
		"an object replaces a value":    {`{"o":1}`, `{"o":{"a":1,"b":null}}`, `{"o":{"a":1}}`},
		"a value replaces an object":    {`{"o":{"a":1}}`, `{"o":true}`, `{"o":true}`},
		"an array is replaced whole":    {`{"l":[1,2]}`, `{"l":[3]}`, `{"l":[3]}`},
		"numbers stay as written":       {`{}`, `{"n":1.50,"m":1e3}`, `{"m":1e3,"n":1.50}`},
		"what the hub owns is left out": {`{"a":1}`, `{"$version":9,"$metadata":{"a":{}},"b":2}`, `{"a":1,"b":2}`},
	} {
		t.Run(rule, func(t *testing.T) {
			r, _ := newRegistry(t)
			create(t, r, "d1")
			for _, patch := range []string{tc.before, tc.patch} {
				if _, err := r.PatchTwin("d1", object(t, patch), object(t, patch), etag.Condition{}); err != nil {
					t.Fatal(err)
				}
				if _, err := r.Report("d1", object(t, patch), nil); err != nil {
					t.Fatal(err)
				}
			}
			twin, _ := r.Twin("d1")
			for section, values := range map[string]map[string]any{"tags": twin.Tags, "desired": twin.Desired.Values, "reported": twin.Reported.Values} {
				if got := text(t, values); got != tc.after {
					t.Errorf("%s: got %s, want %s", section, got, tc.after)
				}
			}
		})
	}
}

func TestMetadataMirrorsTheTreeAndStampsTheWayToAChange(t *testing.T) {
	r, c := newRegistry(t)
	create(t, r, "d1")
	patch := func(p string) registry.Collection {
		t.Helper()
		twin, err := r.PatchTwin("d1", nil, object(t, p), etag.Condition{})
		if err != nil {
			t.Fatal(err)
		}
		return twin.Desired
	}
	patch(`{"o":{"a":1,"b":2},"p":1}`)
	c.Advance(time.Minute)
	desired := patch(`{"o":{"b":3}}`)

	for path, want := range map[string]int64{"": 3, "o": 3, "o/a": 2, "o/b": 3, "p": 2} {
		m := desired.Metadata
		for name := range strings.SplitSeq(path, "/") {
			if name != "" {
				m = m.Members[name]
			}
		}
		at := noon
		if want == 3 {
			at = noon.Add(time.Minute)
		}
		if m == nil || m.Version != want || !m.Updated.Equal(at) {
			t.Errorf("%q is stamped %+v, want version %d at %v", path, m, want, at)
		}
	}
	if gone := patch(`{"o":{"a":null}}`).Metadata.Members["o"].Members; gone["a"] != nil || gone["b"] == nil {
		t.Errorf("after the delete the metadata has %v", slices.Collect(maps.Keys(gone)))
	}
}

func TestVersionsAndETagCountWrites(t *testing.T) {
	r, _ := newRegistry(t)
	create(t, r, "d1")
	fresh, _ := r.Twin("d1")
	tagged, _ := r.PatchTwin("d1", object(t, `{"a":1}`), nil, etag.Condition{})
	if tagged.ETag == fresh.ETag || tagged.Version != fresh.Version+1 || tagged.Desired.Version != 1 {
		t.Errorf("a write of tags: etag %s, version %d, desired %d", tagged.ETag, tagged.Version, tagged.Desired.Version)
	}
	if _, err := r.Report("d1", object(t, `{"a":1}`), nil); err != nil {
		t.Fatal(err)
	}
	reported, _ := r.Twin("d1")
	if reported.ETag != tagged.ETag || reported.Reported.Version != 2 {
		t.Errorf("a report: etag %s, reported %d", reported.ETag, reported.Reported.Version)
	}
	same, err := r.PatchTwin("d1", map[string]any{}, map[string]any{}, condition(t, string(tagged.ETag)))
	if err != nil || same.ETag != tagged.ETag || same.Desired.Version != 1 {
		t.Errorf("a patch that says nothing: %v, etag %s, desired %d", err, same.ETag, same.Desired.Version)
	}
	_, err = r.PatchTwin("d1", object(t, `{"a":2}`), nil, condition(t, string(fresh.ETag)))
	wantCode(t, err, huberror.PreconditionFailed)
	replaced, err := r.ReplaceTwin("d1", object(t, `{"b":1}`), map[string]any{}, condition(t, `"`+string(tagged.ETag)+`"`))
	if err != nil || text(t, replaced.Tags) != `{"b":1}` || replaced.Desired.Version != 2 {
		t.Errorf("replaced: %v, tags %s, desired %d", err, text(t, replaced.Tags), replaced.Desired.Version)
	}
}

func TestReportHoldsItsBaseVersion(t *testing.T) {
	r, _ := newRegistry(t)
	create(t, r, "d1")
	one, two := int64(1), int64(2)
	if version, err := r.Report("d1", object(t, `{"fw":"1"}`), &one); err != nil || version != 2 {
		t.Fatalf("version %d, %v", version, err)
	}
	_, err := r.Report("d1", object(t, `{"fw":"2"}`), &one)
	wantCode(t, err, huberror.PreconditionFailed)
	if _, err := r.Report("d1", object(t, `{"fw":"2"}`), &two); err != nil {
		t.Fatal(err)
	}
	_, err = r.Report("d2", object(t, `{}`), nil)
	wantCode(t, err, huberror.DeviceNotFound)
}

// nested is {"k":{"k":…{"leaf":1}…}} with that many objects below the top.
func nested(depth int) string {
	return strings.Repeat(`{"k":`, depth) + `{"leaf":1}` + strings.Repeat("}", depth)
}

func strs(n, each int) string {
	var members []string
	for i := range n {
		members = append(members, fmt.Sprintf(`"%03d":%q`, i, strings.Repeat("v", each-3)))
	}
	return "{" + strings.Join(members, ",") + "}"
}

func TestLimitsOfTwinSections(t *testing.T) {
	for rule, tc := range map[string]struct {
		section string
		text    string
		ok      bool
	}{
		"ten levels":                       {"desired", nested(10), true},
		"eleven levels":                    {"desired", nested(11), false},
		"arrays count as levels":           {"desired", `{"l":` + strings.Repeat("[", 11) + strings.Repeat("]", 11) + `}`, false},
		"a key of 1 KB":                    {"desired", `{"` + strings.Repeat("k", 1024) + `":1}`, true},
		"a longer key":                     {"desired", `{"` + strings.Repeat("k", 1025) + `":1}`, false},
		"a dot in a key":                   {"tags", `{"a.b":1}`, false},
		"a dollar in a key":                {"reported", `{"$a":1}`, false},
		"a dollar in a key at depth":       {"desired", `{"o":{"$version":1}}`, false},
		"a space in a key":                 {"desired", `{"a b":1}`, false},
		"a control character in a key":     {"desired", `{"a\u0001":1}`, false},
		"a C1 control character in a key":  {"desired", `{"a\u0085":1}`, false},
		"a key inside an array":            {"desired", `{"l":[{"a.b":1}]}`, false},
		"a key that is deleted":            {"desired", `{"a.b":null}`, false},
		"a string of 4 KB":                 {"desired", `{"s":"` + strings.Repeat("v", 4096) + `"}`, true},
		"a longer string":                  {"desired", `{"s":"` + strings.Repeat("v", 4097) + `"}`, false},
		"the largest integer":              {"desired", `{"n":4503599627370495}`, true},
		"one more":                         {"desired", `{"n":4503599627370496}`, false},
		"the smallest integer":             {"desired", `{"n":-4503599627370496}`, true},
		"one less":                         {"desired", `{"n":-4503599627370497}`, false},
		"an integer beyond 64 bits":        {"desired", `{"n":99999999999999999999}`, false},
		"a float beyond double":            {"desired", `{"n":1e999}`, false},
		"8 KB of tags":                     {"tags", strs(8, 1024), true},
		"more than 8 KB of tags":           {"tags", strs(8, 1025), false},
		"32 KB of desired properties":      {"desired", strs(32, 1024), true},
		"more desired properties":          {"desired", strs(32, 1025), false},
		"32 KB of reported properties":     {"reported", strs(32, 1024), true},
		"more reported properties":         {"reported", strs(32, 1025), false},
		"control characters do not count":  {"tags", `{"s":"` + strings.Repeat(`\u0001`, 4096) + `","t":"` + strings.Repeat(`\u0001`, 4096) + `"}`, true},
		"a number counts eight, a bool 4":  {"tags", `{"a":[` + strings.Repeat("1,", 1023) + `true,true]}`, false},
		"nulls of a patch do not count":    {"tags", `{"a":null}`, true},
		"numbers up to the limit of bytes": {"tags", `{"aaaaaaaa":[` + strings.Repeat("1,", 1022) + `1]}`, true},
	} {
		t.Run(rule, func(t *testing.T) {
			r, _ := newRegistry(t)
			create(t, r, "d1")
			before, _ := r.Twin("d1")
			in := object(t, tc.text)
			var err error
			switch tc.section {
			case "tags":
				_, err = r.PatchTwin("d1", in, object(t, `{"and":"this"}`), etag.Condition{})
			case "desired":
				_, err = r.PatchTwin("d1", object(t, `{"and":"this"}`), in, etag.Condition{})
			case "reported":
				_, err = r.Report("d1", in, nil)
			}
			if tc.ok {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			wantCode(t, err, huberror.ArgumentInvalid)
			if after, _ := r.Twin("d1"); !reflect.DeepEqual(before, after) {
				t.Error("the refused write left something behind")
			}
		})
	}
}

func TestManySmallPatchesMeetTheLimitToo(t *testing.T) {
	r, _ := newRegistry(t)
	create(t, r, "d1")
	for i := range 9 {
		_, err := r.PatchTwin("d1", object(t, fmt.Sprintf(`{"k%d":%q}`, i, strings.Repeat("v", 1022))), nil, etag.Condition{})
		if ok := i < 8; ok != (err == nil) {
			t.Fatalf("patch %d: %v", i, err)
		}
	}
}

func FuzzPatchKeepsTheMirror(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":null}`, `{"a":{"b":[1,{"c":null}]}}`, `{"$version":1}`, `{"a":{"b":null}}`, `{"a":1e400}`, nested(12)} {
		f.Add(`{"a":{"b":1}}`, seed)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		r, _ := newRegistry(t)
		create(t, r, "d1")
		for _, patch := range []string{first, second} {
			d := json.NewDecoder(strings.NewReader(patch))
			d.UseNumber()
			var p map[string]any
			if d.Decode(&p) != nil {
				t.Skip("no JSON object")
			}
			before, _ := r.Twin("d1")
			version, err := r.Report("d1", p, nil)
			after, _ := r.Twin("d1")
			switch {
			case err != nil && !reflect.DeepEqual(before, after):
				t.Fatalf("the refused patch changed the twin: %v", err)
			case err == nil && version != after.Reported.Version:
				t.Fatalf("version %d answered, %d stored", version, after.Reported.Version)
			}
			mirror(t, after.Reported.Values, after.Reported.Metadata)
		}
	})
}

func mirror(t *testing.T, values map[string]any, m *registry.Metadata) {
	if len(values) != len(m.Members) {
		t.Fatalf("%d values, %d members of metadata", len(values), len(m.Members))
	}
	for name, value := range values {
		below := m.Members[name]
		if below == nil || value == nil {
			t.Fatalf("%q is %v with metadata %v", name, value, below)
		}
		if object, ok := value.(map[string]any); ok {
			mirror(t, object, below)
		} else if below.Members != nil {
			t.Fatalf("%q has metadata of members", name)
		}
	}
}
