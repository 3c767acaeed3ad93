package svc

import (
	"context"
	"net/http"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// accepted is the positive twin of a refusal: the service takes this record.
func accepted(ctx context.Context, t *harness.T, s *harness.Service, what string, record harness.Members) {
	t.Given(what+" is accepted", func() {
		answer := put(ctx, t, s, record)
		t.Expect(answer.Status).To(BeNumerically("<", 300), "%s", answer.Body)
	})
}

// refusalChecks are about records that must not be stored, and about some that look as if.
var refusalChecks = []harness.Check{{
	Requirement: "DPS-SVC-034",
	Title:       "a PUT whose body names another id than its path is answered with 400",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		accepted(ctx, t, s, "a body with the id of its path", newEnrollment(t))
		t.Expect(s.Put(ctx, t, pathOf(newEnrollment(t)), newEnrollment(t)).Status).To(Equal(http.StatusBadRequest), "enrollment")
		t.Expect(s.Put(ctx, t, pathOf(newGroup(t)), newGroup(t)).Status).To(Equal(http.StatusBadRequest), "group")
	},
}, {
	Requirement: "DPS-SVC-035",
	Title:       "a body that is not JSON is answered with 400",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		accepted(ctx, t, s, "a body that is JSON", newEnrollment(t))
		for _, body := range []string{"hello", `{"registrationId":`, `[`, `{"attestation":{"type":"symmetricKey"}`} {
			t.Expect(s.Put(ctx, t, pathOf(newEnrollment(t)), []byte(body)).Status).To(Equal(http.StatusBadRequest), body)
		}
	},
}, {
	Requirement: "DPS-SVC-036",
	Title:       "a record without attestation, or with an unknown word, is answered with 400",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		good := harness.Members{"allocationPolicy": "hashed", "provisioningStatus": "enabled"}
		accepted(ctx, t, s, "a record with attestation and known words", with(newEnrollment(t), good))
		t.Expect(put(ctx, t, s, without(newEnrollment(t), "attestation")).Status).To(Equal(http.StatusBadRequest), "no attestation")
		for _, change := range []harness.Members{
			{"attestation": harness.Members{"type": "password"}},
			{"allocationPolicy": "nearest"},
			{"provisioningStatus": "paused"},
		} {
			t.Expect(put(ctx, t, s, with(newEnrollment(t), good, change)).Status).To(Equal(http.StatusBadRequest), "%v", change)
			t.Expect(put(ctx, t, s, with(newGroup(t), good, change)).Status).To(Equal(http.StatusBadRequest), "group, %v", change)
		}
	},
}, {
	Requirement: "DPS-SVC-037",
	Title:       "the allocation policy custom without customAllocationDefinition is answered with 400",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		custom := harness.Members{"allocationPolicy": "custom"}
		accepted(ctx, t, s, "custom with a customAllocationDefinition", with(newEnrollment(t), custom, harness.Members{
			"customAllocationDefinition": harness.Members{"webhookUrl": "https://web.hook", "apiVersion": "2021-10-01"},
		}))
		t.Expect(put(ctx, t, s, with(newEnrollment(t), custom)).Status).To(Equal(http.StatusBadRequest), "enrollment")
		t.Expect(put(ctx, t, s, with(newGroup(t), custom)).Status).To(Equal(http.StatusBadRequest), "group")
	},
}, {
	Requirement: "DPS-SVC-038",
	Title:       "iotHubs that are not linked are answered with 400",
	Needs:       []harness.Need{harness.NeedHub},
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		linked := s.Hubs[0].Host
		hubs := func(hosts ...any) harness.Members { return with(newEnrollment(t), harness.Members{"iotHubs": hosts}) }
		accepted(ctx, t, s, "a linked hub", hubs(linked))
		t.Expect(put(ctx, t, s, hubs("unlinked-"+linked)).Status).To(Equal(http.StatusBadRequest), "a hub that is not linked")
		t.Expect(put(ctx, t, s, hubs(linked, "unlinked-"+linked)).Status).To(Equal(http.StatusBadRequest), "one of two is not linked")
	},
}, {
	Requirement: "DPS-SVC-039",
	Title:       "the allocation policy static without a hub is accepted",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, record := range []harness.Members{newEnrollment(t), newGroup(t)} {
			answer := put(ctx, t, s, with(record, harness.Members{"allocationPolicy": "static"}))
			t.Expect(answer.Status).To(Equal(http.StatusOK))
			t.Expect(object(t, answer)).To(HaveKeyWithValue("allocationPolicy", "static"))
		}
	},
}, {
	Requirement: "DPS-SVC-040",
	Title:       "a group with TPM attestation is answered with 400",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		accepted(ctx, t, s, "a group with symmetric keys", newGroup(t))
		tpm := harness.Members{"attestation": harness.Members{"type": "tpm", "tpm": harness.Members{"endorsementKey": "AToAAQALAAMAsgAg"}}}
		t.Expect(put(ctx, t, s, with(newGroup(t), tpm)).Status).To(Equal(http.StatusBadRequest))
	},
}, {
	Requirement: "DPS-SVC-043",
	Title:       "a body of another media type than JSON is answered with 415",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		accepted(ctx, t, s, "the same body as JSON", newEnrollment(t))
		for _, media := range []string{"text/plain", "application/xml", "application/x-www-form-urlencoded"} {
			record := newEnrollment(t)
			answer := s.Do(ctx, t, devwire.ServiceRequest{
				Method: http.MethodPut, Path: pathOf(record), Body: record, Header: http.Header{"Content-Type": {media}},
			})
			t.Expect(answer.Status).To(Equal(http.StatusUnsupportedMediaType), media)
		}
	},
}}
