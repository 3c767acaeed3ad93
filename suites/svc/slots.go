package svc

import (
	"context"
	"net/http"

	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// x509Of is an attestation by X.509 with these members.
func x509Of(members harness.Members) harness.Members {
	return harness.Members{"attestation": harness.Members{"type": "x509", "x509": members}}
}

// certificate is what a slot holds when a certificate is written.
func certificate(t *harness.T, env *harness.Env, name string) harness.Members {
	return harness.Members{"certificate": string(pki.PEM(harness.Leaf(t.SelfSigned(env, name))))}
}

// slotChecks are about which certificates may stand where.
var slotChecks = []harness.Check{{
	Requirement: "DPS-SVC-047",
	Title:       "a group that is written back with the info of its first certificate and a new second one keeps both",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		group := s.X509Group(ctx, t)
		read := object(t, s.Get(ctx, t, pathOf(group.Record)))
		primary := infoOf(read, signing, "primary")
		both := x509Of(harness.Members{signing: harness.Members{
			"primary": harness.Members{"info": primary}, "secondary": certificate(t, env, t.Name()),
		}})
		answer := put(ctx, t, s, with(read, both), etagOf(read))
		t.Expect(answer.Status).To(Equal(http.StatusOK))
		kept := object(t, s.Get(ctx, t, pathOf(group.Record)))
		t.Expect(infoOf(kept, signing, "primary")).To(Equal(primary), "primary")
		t.Expect(infoOf(kept, signing, "secondary")).NotTo(BeEmpty(), "secondary")
		t.Expect(group.Device(t).Try(ctx, t)).To(harness.BeAccepted(), "a device of the first certificate")
	},
}, {
	Requirement: "DPS-SVC-074",
	Title:       "an X.509 attestation with none or two of its three forms is answered with 400",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		slots := harness.Members{"primary": certificate(t, env, t.Name())}
		accepted(ctx, t, s, "one form", with(newEnrollment(t), x509Of(harness.Members{client: slots, signing: nil})))
		t.Expect(put(ctx, t, s, with(newEnrollment(t), x509Of(harness.Members{}))).Status).To(Equal(http.StatusBadRequest), "none")
		t.Expect(put(ctx, t, s, with(newEnrollment(t), harness.Members{"attestation": harness.Members{"type": "x509"}})).Status).
			To(Equal(http.StatusBadRequest), "no x509")
		t.Expect(put(ctx, t, s, with(newEnrollment(t), x509Of(harness.Members{client: slots, signing: slots}))).Status).
			To(Equal(http.StatusBadRequest), "two")
	},
}, {
	Requirement: "DPS-SVC-075",
	Title:       "an enrollment with signing certificates, and a group with client certificates, are answered with 400",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		slots := harness.Members{"primary": certificate(t, env, t.Name())}
		of := func(form string) harness.Members { return x509Of(harness.Members{form: slots}) }
		accepted(ctx, t, s, "an enrollment with client certificates", with(newEnrollment(t), of(client)))
		t.Expect(put(ctx, t, s, with(newEnrollment(t), of(signing))).Status).To(Equal(http.StatusBadRequest), "enrollment")
		t.Expect(put(ctx, t, s, with(newGroup(t), of(client))).Status).To(Equal(http.StatusBadRequest), "group")
	},
}, {
	Requirement: "DPS-SVC-076",
	Title:       "a slot with the info of a certificate that is not stored is answered with 400",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		stored, other := s.X509Device(ctx, t), s.X509Device(ctx, t)
		read := object(t, s.Get(ctx, t, pathOf(stored.Record)))
		t.Given("its own info is accepted", func() {
			again := put(ctx, t, s, read, etagOf(read))
			t.Expect(again.Status).To(BeNumerically("<", 300), "%s", again.Body)
			read = object(t, again)
		})
		foreign := infoOf(object(t, s.Get(ctx, t, pathOf(other.Record))), client, "primary")
		change := x509Of(harness.Members{client: harness.Members{"primary": harness.Members{"info": foreign}}})
		t.Expect(put(ctx, t, s, with(read, change), etagOf(read)).Status).To(Equal(http.StatusBadRequest))
	},
}, {
	Requirement: "DPS-SVC-077",
	Title:       "a certificate may stand in the secondary slot alone, and lets its device in",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		device := s.X509Device(ctx, t)
		read := object(t, s.Get(ctx, t, pathOf(device.Record)))
		// The Azure CLI removes the primary certificate and leaves the secondary.
		alone := x509Of(harness.Members{client: harness.Members{"secondary": harness.Members{"info": infoOf(read, client, "primary")}}})
		answer := put(ctx, t, s, with(read, alone), etagOf(read))
		t.Expect(answer.Status).To(Equal(http.StatusOK))
		kept := object(t, s.Get(ctx, t, pathOf(device.Record)))
		t.Expect(infoOf(kept, client, "primary")).To(BeEmpty(), "primary")
		t.Expect(infoOf(kept, client, "secondary")).To(Satisfy(show(*device.Certificate)), "secondary")
		t.Expect(device.Try(ctx, t)).To(harness.BeAccepted())
	},
}}
