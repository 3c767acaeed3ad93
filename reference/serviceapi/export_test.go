package serviceapi

import (
	"net/http"

	"github.com/dpslab/dpslab/reference/enrollment"
)

// ParseRoute shows what a path names: the operation and the id.
func ParseRoute(r *http.Request) (step, id string, err error) {
	to, err := parseRoute(r)
	if err != nil {
		return "", "", err
	}
	return to.step(r.Method), to.id, nil
}

// Decode reads a record as a PUT does.
func Decode(body []byte, kind enrollment.Kind, id string, before *enrollment.Enrollment) (enrollment.Enrollment, error) {
	doc, err := parse(body)
	if err != nil {
		return enrollment.Enrollment{}, err
	}
	return decode(doc, kind, id, before)
}

// Encode writes a record, with its keys.
func Encode(e enrollment.Enrollment) ([]byte, error) {
	reply, err := jsonReply(http.StatusOK, encode(e, withKeys, nil))
	return reply.Body, err
}

const MaxBody = maxBody

// ParseBulk reads a bulk operation, and returns how many items it has.
func ParseBulk(kind enrollment.Kind, body []byte) (Mode, int, error) {
	r := route{collection: enrollments}
	if kind == enrollment.Group {
		r.collection = groups
	}
	mode, items, err := parseBulk(r, body)
	return mode, len(items), err
}
