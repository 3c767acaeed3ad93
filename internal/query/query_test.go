package query_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/query"
)

const record = `{"registrationId":"pump-1","iotHubHostName":"hub-a.azure-devices.net","provisioningStatus":"enabled",
	"capabilities":{"iotEdge":false},"version":7,"nothing":null,"list":[1],
	"tags":{"site":"north","in":"it's","a-b":1.5},"properties":{"reported":{"$version":12}}}`

func decoded(t testing.TB) map[string]any {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal([]byte(record), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestQueriesOfShippingClients(t *testing.T) {
	for text, from := range map[string]string{
		"SELECT * FROM enrollments":         "enrollments",
		"SELECT * FROM enrollmentGroups":    "enrollmentGroups",
		"SELECT *":                          "",
		"*":                                 "",
		"select * from devices.modules":     "devices.modules",
		"  Select\t*\r\nFrom  enrollments ": "enrollments",
		"select * from deviceRegistrations where iotHubHostName=`hub-a.azure-devices.net`": "deviceRegistrations",
	} {
		q, err := query.Parse(text)
		if err != nil || q.From() != from || !q.Matches(decoded(t)) {
			t.Errorf("%q: from %q, %v", text, q.From(), err)
		}
	}
	if !(query.Query{}).Matches(nil) {
		t.Error("the zero query does not select everything")
	}
}

func TestConditions(t *testing.T) {
	for where, want := range map[string]bool{
		// comparisons
		`registrationId = 'pump-1'`:        true,
		`registrationId = "pump-1"`:        true,
		`'pump-1' = registrationId`:        true,
		`registrationId = 'PUMP-1'`:        false,
		`RegistrationId = 'pump-1'`:        false,
		`registrationId != 'pump-1'`:       false,
		`registrationId <> 'pump-2'`:       true,
		`registrationId >= 'pump'`:         true,
		`registrationId < 'pump-1'`:        false,
		`version = 7`:                      true,
		`version = 7.0e0`:                  true,
		`version > -1`:                     true,
		`version <= 6.9`:                   false,
		`version = '7'`:                    false,
		`version != '7'`:                   true,
		`version < '8'`:                    false,
		`capabilities.iotEdge = false`:     true,
		`capabilities.iotEdge = TRUE`:      false,
		`nothing = null`:                   true,
		`nothing != null`:                  false,
		`version = null`:                   false,
		`list = 1`:                         false,
		`tags = 'north'`:                   false,
		`tags.in = 'it''s'`:                true,
		`tags.a-b = 1.5`:                   true,
		`properties.reported.$version > 1`: true,
		// sets
		`tags.site IN ['south', 'north']`: true,
		`tags.site in [1, null, 'south']`: false,
		`tags.site NOT IN ['south']`:      true,
		`tags.site NOT IN ['north']`:      false,
		// what is absent
		`missing = 1`:                     false,
		`missing != 1`:                    false,
		`NOT missing = 1`:                 false,
		`missing = null`:                  false,
		`missing IN [1]`:                  false,
		`missing NOT IN [1]`:              false,
		`registrationId.x = 'pump-1'`:     false,
		`missing = 1 OR version = 7`:      true,
		`NOT (missing = 1 AND version=8)`: true,
		`IS_DEFINED(tags.site)`:           true,
		`is_defined(nothing)`:             true,
		`IS_DEFINED(tags.missing)`:        false,
		`NOT IS_DEFINED(tags.missing)`:    true,
		// precedence
		`version=7 OR version=8 AND version=9`:   true,
		`(version=7 OR version=8) AND version=9`: false,
		`NOT version=8 AND version=7`:            true,
		`NOT NOT version=7`:                      true,
		`NOT (version=7 OR version=8)`:           false,
	} {
		q, err := query.Parse("SELECT * FROM x WHERE " + where)
		if err != nil {
			t.Errorf("%s: %v", where, err)
		} else if got := q.Matches(decoded(t)); got != want {
			t.Errorf("%s: %v", where, got)
		}
	}
}

func TestNumbersOfPrograms(t *testing.T) {
	q, err := query.Parse("* WHERE n = 7")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []any{7, int32(7), uint8(7), float32(7), json.Number("7"), json.Number("7.0")} {
		if !q.Matches(map[string]any{"n": n}) {
			t.Errorf("%T is not found", n)
		}
	}
	for _, n := range []any{8, "7", json.Number("x"), nil, true, []any{7}} {
		if q.Matches(map[string]any{"n": n}) {
			t.Errorf("%v is found", n)
		}
	}
}

func TestWhatIsNotSupportedIsRefused(t *testing.T) {
	for text, why := range map[string]string{
		"":                                                  "at 1: the query ends; expected SELECT or *",
		"SELECT":                                            "at 7: the query ends; expected * or the name of a member",
		"registrationId FROM enrollments":                   "expected SELECT or *",
		"SELECT COUNT() AS n FROM devices":                  "aggregates are not supported",
		"SELECT a, FROM x":                                  "expected * or the name of a member",
		"SELECT a, * FROM x":                                "expected * or the name of a member",
		"SELECT a AS FROM x":                                "expected the end of the query",
		"SELECT a AS 'x'":                                   "a name after AS",
		"SELECT a, b.a":                                     "no other member has",
		"SELECT a, b AS a":                                  "no other member has",
		"SELECT *, a FROM x":                                `found ","`,
		"SELECT * FROM x GROUP BY a":                        "GROUP BY and ORDER BY are not supported",
		"SELECT * FROM x WHERE a=1 group by a":              "GROUP BY and ORDER BY are not supported",
		"SELECT * FROM x ORDER BY a":                        "GROUP BY and ORDER BY are not supported",
		"SELECT * FROM":                                     "the query ends; expected a name",
		"SELECT * FROM WHERE a=1":                           `found "WHERE"`,
		"SELECT * WHERE":                                    "expected a name or a value",
		"SELECT * WHERE a":                                  "expected a comparison",
		"SELECT * WHERE a =":                                "expected a name or a value",
		"SELECT * WHERE a = 1 b":                            "expected the end of the query",
		"SELECT * WHERE a = 'x":                             "no closing '",
		"SELECT * WHERE a = 1e999":                          "is no number",
		"SELECT * WHERE a == 1":                             `found "="`,
		"SELECT * WHERE a. = 1":                             "a name after the dot",
		"SELECT * WHERE (a = 1":                             "expected )",
		"SELECT * WHERE a IN []":                            "expected a name or a value",
		"SELECT * WHERE a IN (1)":                           "expected [",
		"SELECT * WHERE a IN [1 2]":                         "expected , or ]",
		"SELECT * WHERE a NOT = 1":                          "expected IN",
		"SELECT * WHERE STARTSWITH(a, 'x')":                 "the one function IS_DEFINED",
		"SELECT * WHERE IS_DEFINED('a')":                    "expected a name",
		"SELECT * WHERE a = 1;":                             `";" has no meaning`,
		"SELECT * WHERE a LIKE 'x'":                         "expected a comparison",
		"SELECT * WHERE é = 1":                              "has no meaning",
		"SELECT * WHERE " + strings.Repeat("(", 40) + "a=1": "nested deeper than 32",
		"SELECT * WHERE " + strings.Repeat("NOT ", 40) + "a=1":   "nested deeper than 32",
		"SELECT * WHERE a = '" + strings.Repeat("x", 9000) + "'": "longer than 8192 bytes",
	} {
		if _, err := query.Parse(text); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%.60q: %v", text, err)
		}
	}
}

func TestProjections(t *testing.T) {
	for text, want := range map[string]string{
		"SELECT registrationId FROM enrollments":             `{"registrationId":"pump-1"}`,
		"select tags.site, capabilities where version=7":     `{"site":"north","capabilities":{"iotEdge":false}}`,
		"SELECT tags.site AS a, properties.reported AS site": `{"a":"north","site":{"$version":12}}`,
		"SELECT nothing, missing, tags.absent":               `{"nothing":null}`,
		"SELECT missing":                                     `{}`,
	} {
		q, err := query.Parse(text)
		if err != nil || !q.Projects() || !q.Matches(decoded(t)) {
			t.Errorf("%q: %v", text, err)
			continue
		}
		var members map[string]any
		if err := json.Unmarshal([]byte(want), &members); err != nil {
			t.Fatal(err)
		}
		if got := q.Project(decoded(t)); !reflect.DeepEqual(got, members) {
			t.Errorf("%q: %v", text, got)
		}
	}
	whole, err := query.Parse("*")
	if err != nil || whole.Projects() || !reflect.DeepEqual(whole.Project(decoded(t)), decoded(t)) {
		t.Errorf("a query for whole records: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("SELECT * FROM enrollments WHERE NOT (a.b >= -1.5e3 OR c NOT IN ['x', `y`, null]) AND IS_DEFINED(d)")
	f.Add("* where a='it''s'")
	f.Add("select a.b, c as d from e")
	f.Add("SELECT * WHERE 1=1 AND ((")
	f.Fuzz(func(t *testing.T, text string) {
		q, err := query.Parse(text)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has two lines: %q", err)
			}
			return
		}
		q.Matches(decoded(t))
		q.Matches(nil)
		q.Project(decoded(t))
		q.Project(nil)
		// Every literal is a literal: quoted once more, the query selects by itself.
		if _, err := query.Parse("* WHERE a = '" + strings.ReplaceAll(text, "'", "''") + "'"); err != nil && len(text) < 8000 {
			t.Errorf("%q cannot be quoted: %v", text, err)
		}
	})
}
