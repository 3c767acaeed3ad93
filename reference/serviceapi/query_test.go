package serviceapi_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/reference/registration"
)

// ids are those of an array of records.
func ids(t *testing.T, a answer, name string) []string {
	t.Helper()
	if a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	var list []map[string]any
	if err := json.Unmarshal([]byte(a.body), &list); err != nil || list == nil {
		t.Fatalf("%s is no array: %v", a.body, err)
	}
	var got []string
	for _, doc := range list {
		got = append(got, doc[name].(string))
	}
	return got
}

// filled has enrollments a to e, those before c disabled, a group, and two registrations.
func filled(t *testing.T) *lab {
	t.Helper()
	l := open(t)
	for _, id := range []string{"e", "B", "a", "c", "D"} {
		status := map[bool]string{true: "disabled", false: "enabled"}[strings.ToLower(id) < "c"]
		l.must(200, "PUT", "/enrollments/"+id+version, fmt.Sprintf(`{"registrationId":%q,"attestation":{"type":"symmetricKey"},"provisioningStatus":%q}`, id, status))
	}
	l.must(200, "PUT", "/enrollmentGroups/line-a"+version, `{"enrollmentGroupId":"line-a","attestation":{"type":"symmetricKey"}}`)
	for _, r := range []registration.Record{
		{RegistrationID: "g-1", GroupID: "line-a", Status: dps.StatusAssigned, Hub: "hub-a", DeviceID: "g-1", ETag: "1"},
		{RegistrationID: "g-2", GroupID: "LINE-A", Status: dps.StatusFailed, ErrorCode: 400208, ETag: "2"},
		{RegistrationID: "a", Status: dps.StatusAssigned, Hub: "hub-a", DeviceID: "a", ETag: "3"},
	} {
		if err := l.registrations.Put(t.Context(), r, ""); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func TestQueries(t *testing.T) {
	l := filled(t)
	for _, c := range []struct {
		rule, path, query, name, itemType string
		want                              []string
	}{
		{"everything", names.QueryPaths[0], "SELECT * FROM enrollments", "registrationId", "enrollments", []string{"a", "B", "c", "D", "e"}},
		{"a star", names.QueryPaths[0], "*", "registrationId", "enrollments", []string{"a", "B", "c", "D", "e"}},
		{"a condition", names.QueryPaths[0], "select * from enrollments where provisioningStatus = 'disabled'", "registrationId", "enrollments", []string{"a", "B"}},
		{"a condition on the registration", names.QueryPaths[0], "SELECT * WHERE registrationState.assignedHub = 'hub-a'", "registrationId", "enrollments", []string{"a"}},
		{"nothing that matches", names.QueryPaths[0], "SELECT * WHERE deviceId = 'x'", "registrationId", "enrollments", nil},
		{"groups", names.QueryPaths[1], "SELECT *", "enrollmentGroupId", "enrollmentGroups", []string{"line-a"}},
		{"a group's registrations", names.QueryPaths[2], "SELECT *", "registrationId", "registrations", []string{"g-1", "g-2"}},
		{"some of a group's registrations", names.QueryPaths[2], "SELECT * FROM x WHERE status = 'failed'", "registrationId", "registrations", []string{"g-2"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			a := l.do("POST", c.path+version, fmt.Sprintf(`{"query":%q}`, c.query))
			if got := ids(t, a, c.name); !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
			if got := a.header.Get(names.ItemTypeHeader); got != names.ItemTypes[c.itemType] {
				t.Errorf("%s: %q", names.ItemTypeHeader, got)
			}
			if _, given := a.header[names.ContinuationHeader]; given || a.header.Get(names.ContinuationHeader) != "" {
				t.Errorf("a continuation of the last page: %v", a.header)
			}
		})
	}
	if got := ids(t, l.do("POST", names.QueryPaths[2]+version, "", "Content-Type", ""), "registrationId"); len(got) != 2 {
		t.Errorf("registrations without a query: %q", got)
	}
}

func TestPages(t *testing.T) {
	l := filled(t)
	for _, c := range []struct {
		size  string
		query string
		pages []string
	}{
		{"2", "*", []string{"a B", "c D", "e"}},
		{"5", "*", []string{"a B c D e"}},
		{"1", "SELECT * WHERE provisioningStatus = 'enabled'", []string{"c", "D", "e"}},
		{"1", "SELECT * WHERE provisioningStatus = 'disabled'", []string{"a", "B"}},
		{"5000", "*", []string{"a B c D e"}},
	} {
		var pages []string
		for token, more := "", true; more && len(pages) < 9; {
			a := l.do("POST", names.QueryPaths[0]+version, fmt.Sprintf(`{"query":%q}`, c.query), names.MaxItemCountHeader, c.size, names.ContinuationHeader, token)
			pages = append(pages, strings.Join(ids(t, a, "registrationId"), " "))
			token = a.header.Get(names.ContinuationHeader)
			more = token != ""
		}
		if !slices.Equal(pages, c.pages) {
			t.Errorf("%s at %s a page: %q, want %q", c.query, c.size, pages, c.pages)
		}
	}
}

func TestQueriesThatAreRefused(t *testing.T) {
	l := filled(t)
	token := l.do("POST", names.QueryPaths[0]+version, `{"query":"*"}`, names.MaxItemCountHeader, "1").header.Get(names.ContinuationHeader)
	if token == "" {
		t.Fatal("no continuation")
	}
	for _, c := range []struct {
		rule, path, body string
		header           []string
		code             int
	}{
		{"no body", names.QueryPaths[0], ``, nil, 400004},
		{"no query", names.QueryPaths[0], `{}`, nil, 400004},
		{"an empty query of registrations", names.QueryPaths[2], `{"query":""}`, nil, 400004},
		{"no JSON", names.QueryPaths[0], `SELECT *`, nil, 400004},
		{"a query that is a number", names.QueryPaths[0], `{"query":1}`, nil, 400004},
		{"a query that is none", names.QueryPaths[0], `{"query":"SELECT * WHERE"}`, nil, 400004},
		{"groups of a query", names.QueryPaths[0], `{"query":"SELECT * GROUP BY status"}`, nil, 400004},
		{"pages of nothing", names.QueryPaths[0], `{"query":"*"}`, []string{names.MaxItemCountHeader, "0"}, 400004},
		{"pages of something", names.QueryPaths[0], `{"query":"*"}`, []string{names.MaxItemCountHeader, "some"}, 400004},
		{"a continuation that is none", names.QueryPaths[0], `{"query":"*"}`, []string{names.ContinuationHeader, "x"}, 400004},
		{"another query's continuation", names.QueryPaths[0], `{"query":"SELECT *"}`, []string{names.ContinuationHeader, token}, 400004},
		{"another collection's continuation", names.QueryPaths[1], `{"query":"*"}`, []string{names.ContinuationHeader, token}, 400004},
		{"an unknown group's registrations", "/registrations/none/query", `{"query":"*"}`, nil, 404201},
		{"another media type", names.QueryPaths[0], `{"query":"*"}`, []string{"Content-Type", "text/plain"}, 415000},
	} {
		t.Run(c.rule, func(t *testing.T) {
			l.do("POST", c.path+version, c.body, c.header...).refused(t, "the query", c.code)
		})
	}
}
