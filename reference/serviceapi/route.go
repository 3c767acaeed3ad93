package serviceapi

import (
	"net/http"
	"strings"

	"github.com/dpslab/dpslab/internal/urlpath"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/problem"
)

type collection uint8

const (
	enrollments collection = iota
	groups
	registrations
)

// shape is what a path names within its collection.
type shape uint8

const (
	ofCollection shape = iota // the collection itself, to which bulk operations go
	ofRecord                  // one record
	ofQuery                   // a query over it
	ofMechanism               // a record's attestation mechanism
)

type route struct {
	collection collection
	shape      shape
	id         string
}

// Serves reports whether a path belongs to the service API: its first segment names one
// of the collections. Everything else on a service's host is the device API's.
func Serves(path string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	_, ok := collections[strings.ToLower(first)]
	return ok
}

var collections = map[string]collection{
	"enrollments": enrollments, "enrollmentgroups": groups, "registrations": registrations,
}

// parseRoute reads the path without regard to the case of its fixed words, with or
// without a slash at the end (service-api.md 1.1).
func parseRoute(r *http.Request) (route, error) {
	segments := urlpath.Segments(r.URL)
	named, known := collections[strings.ToLower(segments[0])] // [DPS-SVC-008]
	if !known {                                               // "/registrations%2Fx" is one segment
		return route{}, problem.ResourceNotFound()
	}
	to, rest := route{collection: named}, segments[1:]
	last := ""
	if len(rest) > 0 {
		last = strings.ToLower(rest[len(rest)-1])
	}
	switch {
	case len(rest) == 0:
		to.shape = ofCollection
	case len(rest) == 1 && last == "query" && r.Method == http.MethodPost && to.collection != registrations:
		to.shape = ofQuery
	case len(rest) == 1:
		to.shape, to.id = ofRecord, rest[0]
	case len(rest) == 2 && last == "query" && to.collection == registrations:
		to.shape, to.id = ofQuery, rest[0]
	case len(rest) == 2 && last == "attestationmechanism" && to.collection != registrations:
		to.shape, to.id = ofMechanism, rest[0]
	default:
		return route{}, problem.ResourceNotFound()
	}
	return to, nil
}

func (r route) kind() enrollment.Kind {
	if r.collection == groups {
		return enrollment.Group
	}
	return enrollment.Individual
}

// step names the operation for points and faults: "put enrollment", "query registration".
func (r route) step(method string) string {
	verb := strings.ToLower(method)
	switch r.shape {
	case ofQuery:
		verb = "query"
	case ofMechanism:
		verb = "attestation"
	}
	return verb + " " + [...]string{"enrollment", "enrollment group", "registration"}[r.collection]
}
