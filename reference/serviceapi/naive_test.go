package serviceapi_test

import (
	"slices"
	"testing"

	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/serviceapi"
)

// The two requests that the true API does not have (service-api.md 8).
func TestNaiveRequests(t *testing.T) {
	l := open(t)
	created := l.do("POST", "/enrollments", body) // who sends this knows of no versions
	if created.status != 201 || created.header.Get("Location") != "/enrollments/dev-01" || symmetricKey(members(t, created.body)) == nil {
		t.Errorf("%d %s, Location %q", created.status, created.body, created.header.Get("Location"))
	}
	l.do("POST", "/enrollments"+version, body).refused(t, "a second time", 409201)
	l.do("POST", "/enrollments?api-version=1", body).refused(t, "with an unknown version", 400003)
	if group := l.do("POST", "/enrollmentGroups/"+version, `{"enrollmentGroupId":"a:b","attestation":{"type":"symmetricKey"}}`); group.status != 201 ||
		group.header.Get("Location") != "/enrollmentGroups/a:b" {
		t.Errorf("%d %s, Location %q", group.status, group.body, group.header.Get("Location"))
	}
	list := l.do("GET", "/enrollments", "")
	if got := ids(t, list, "registrationId"); !slices.Equal(got, []string{"dev-01"}) || list.header.Get(names.ItemTypeHeader) != "Enrollment" {
		t.Errorf("%q, %v", got, list.header)
	}
	for _, other := range []string{``, `[]`, `{}`, `"x"`, `{"enrollmentGroupId":"x","attestation":{"type":"symmetricKey"}}`, `{"registrationId":"x"}`} {
		l.do("POST", "/enrollments", other).refused(t, "POST of "+other, 400004)
	}
	if l.stored(enrollment.Individual) != 1 {
		t.Error("something else was stored")
	}
	l.do("PUT", "/enrollments"+version, body).refused(t, "PUT of the collection", 405000)
	l.do("GET", "/registrations"+version, "").refused(t, "a list of all registrations", 405000)
}

func TestWithoutNaiveRequests(t *testing.T) {
	l := open(t, func(o *serviceapi.Options) { o.NaiveREST = false })
	l.do("GET", "/enrollments"+version, "").refused(t, "a list", 405000)
	l.do("POST", "/enrollments"+version, body).refused(t, "one record, which is no bulk operation", 400004)
	l.do("POST", "/enrollments", body).refused(t, "no api-version", 400003)
	if n := l.stored(enrollment.Individual); n != 0 {
		t.Errorf("%d records were made", n)
	}
}

func TestMethodsAndVersions(t *testing.T) {
	l := open(t)
	l.must(200, "PUT", dev01, body)
	for _, c := range []struct {
		rule, method, path string
		code               int
	}{
		{"a method that nobody has", "PATCH", dev01, 405000},
		{"POST of a record", "POST", dev01, 405000},
		{"PUT of a registration", "PUT", "/registrations/dev-01" + version, 405000},
		{"GET of a group's query", "GET", "/registrations/line-a/query" + version, 405000},
		{"no api-version", "GET", "/enrollments/dev-01", 400003},
		{"an unknown api-version", "GET", "/enrollments/dev-01?api-version=2021-10-02", 400003},
		{"a device's api-version alone", "GET", "/enrollments/dev-01?api-version=2026-11-02-preview", 400003},
		{"a path that names nothing", "GET", "/enrollments/dev-01/keys" + version, 404000},
		{"a record that is not there", "GET", "/enrollmentGroups/dev-01" + version, 404201},
	} {
		l.do(c.method, c.path, "").refused(t, c.rule, c.code)
	}
	for _, known := range []string{"2018-04-01", "2019-03-31", "2021-10-01", "2025-07-01-preview"} {
		l.must(200, "GET", "/enrollments/dev-01?api-version="+known, "")
	}
}
