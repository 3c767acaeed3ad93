package etag

import (
	"context"
	"encoding/base64"
	"net/http"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// spelled checks that a spelling of the current etag lets an update and a DELETE through.
func spelled(as func(tag string) string) func(context.Context, *harness.Env, *harness.T) {
	return func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, record := range []harness.Members{newRecord(ctx, t, s), newGroup(ctx, t, s)} {
			answer := update(ctx, t, s, record, as(tagOf(record)))
			t.Expect(answer.Status).To(Equal(http.StatusOK), "PUT of "+pathOf(record))
			now := tagOf(read(ctx, t, s, record))
			t.Expect(s.Delete(ctx, t, pathOf(record), as(now)).Status).To(Equal(http.StatusNoContent), "DELETE of "+pathOf(record))
		}
	}
}

// spellingChecks are about the forms in which clients write a tag into If-Match.
var spellingChecks = []harness.Check{{
	Requirement: "DPS-ETAG-006",
	Title:       "the current etag is accepted with its quotes",
	Run:         spelled(func(tag string) string { return `"` + bare(tag) + `"` }),
}, {
	Requirement: "DPS-ETAG-007",
	Title:       "the current etag is accepted without quotes",
	Run:         spelled(bare),
}, {
	Requirement: "DPS-ETAG-008",
	Title:       "the current etag is accepted with the prefix W/",
	Run:         spelled(func(tag string) string { return `W/"` + bare(tag) + `"` }),
}}

// registered is a device with a registration, and the tag of that.
func registered(ctx context.Context, env *harness.Env, t *harness.T) (s *harness.Service, path, tag string) {
	s = env.Service(ctx, t)
	device := s.SymmetricKeyDevice(ctx, t)
	device.Assigned(ctx, t)
	path = devwire.RegistrationPath(device.RegistrationID)
	return s, path, tagOf(object(t, s.Get(ctx, t, path)))
}

// registrationChecks are about the tag of a registration, which JSON has in base64.
var registrationChecks = []harness.Check{{
	Requirement: "DPS-ETAG-012",
	Title:       "a registration is deleted with its etag in base64",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s, path, tag := registered(ctx, env, t)
		t.Expect(s.Delete(ctx, t, path, tag).Status).To(Equal(http.StatusNoContent))
	},
}, {
	Requirement: "DPS-ETAG-012",
	Title:       "a registration is deleted with its etag decoded",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s, path, tag := registered(ctx, env, t)
		decoded, err := base64.StdEncoding.DecodeString(tag)
		t.Answered(err, "decode the etag")
		t.Expect(s.Delete(ctx, t, path, string(decoded)).Status).To(Equal(http.StatusNoContent))
	},
}, {
	Requirement: "DPS-ETAG-005",
	Title:       "the DELETE of a registration with an outdated etag is answered with 412",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s, path, tag := registered(ctx, env, t)
		t.Expect(s.Delete(ctx, t, path, outdated).Status).To(Equal(http.StatusPreconditionFailed), "decoded")
		encoded := base64.StdEncoding.EncodeToString([]byte(outdated))
		t.Expect(s.Delete(ctx, t, path, encoded).Status).To(Equal(http.StatusPreconditionFailed), "in base64")
		succeeds(t, "the current etag is good", func() devwire.HTTPResponse { return s.Delete(ctx, t, path, tag) })
	},
}}
