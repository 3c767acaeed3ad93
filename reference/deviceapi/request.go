package deviceapi

import (
	"bytes"
	"context"
	"encoding/json"
	"unicode/utf8"

	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/apiversion"
	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/provisioning"
)

// MaxMessage bounds a request body in bytes (device-api.md 8).
const MaxMessage = 96 << 10

// Request is a DeviceRegistration as a front received it: the body may be empty.
type Request struct {
	RegistrationID string // from the path, topic or link
	APIVersion     string
	Body           []byte
	TooLarge       bool // the front stopped reading at MaxMessage
	Lookup         bool // a status lookup, which registers nobody
}

// Decoded is passed when a request was judged, before the judgement counts.
var Decoded = point.Define[Decoding]("deviceapi.decoded")

// Decoding is a request and what is wrong with it; nil lets it through.
type Decoding struct {
	Request Request
	Problem *problem.Error
}

// Check judges the parts of a register call that no credential changes.
func Check(ctx context.Context, s *provisioning.Service, at point.At, r Request) error {
	if !KnowsVersion(ctx, s, at, r.APIVersion) { // [DPS-HTTPS-021]
		return problem.UnsupportedAPIVersion(r.APIVersion)
	}
	d := Decoding{Request: r, Problem: judge(r)}
	Decoded.Hit(ctx, s.Points(), at, &d)
	if d.Problem != nil {
		return d.Problem
	}
	return nil
}

// Versioned is passed when an api-version was looked up.
var Versioned = point.Define[Version]("deviceapi.versioned")

// Version is an api-version as received, and whether the device API knows it.
type Version struct {
	APIVersion string
	Known      bool
}

// KnowsVersion reports whether the device API knows the api-version.
func KnowsVersion(ctx context.Context, s *provisioning.Service, at point.At, version string) bool {
	v := Version{version, apiversion.Device(version)}
	Versioned.Hit(ctx, s.Points(), at, &v)
	return v.Known
}

func judge(r Request) *problem.Error {
	if r.TooLarge || len(r.Body) > MaxMessage { // [DPS-HTTPS-033]
		return problem.TooLarge()
	}
	if len(bytes.TrimSpace(r.Body)) == 0 { // [DPS-MQTT-010] a device without payload sends none
		return nil
	}
	// The payload may be any JSON (device-api.md 1.4); only the two outer shapes matter.
	var doc struct {
		RegistrationID *string `json:"registrationId"`
	}
	if err := json.Unmarshal(r.Body, &doc); err != nil || !utf8.Valid(r.Body) { // [DPS-HTTPS-018] [DPS-HTTPS-048]
		return problem.InvalidArgument("The request body is not a JSON object with valid members.")
	}
	if id := doc.RegistrationID; id != nil && !provisioning.SameRegistration(*id, r.RegistrationID) {
		return problem.InvalidArgument("The body's registrationId %q is not that of the request, %q.", *id, r.RegistrationID)
	}
	return nil
}
