package etag

import (
	"context"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// shapeChecks are about what an etag looks like and when it changes.
var shapeChecks = []harness.Check{{
	Requirement: "DPS-ETAG-001",
	Title:       "the etag of a record has double quotes inside the JSON string",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, record := range []harness.Members{newRecord(ctx, t, s), newGroup(ctx, t, s)} {
			t.Expect(tagOf(record)).To(MatchRegexp(`^"[^"]+"$`), "PUT")
			t.Expect(tagOf(read(ctx, t, s, record))).To(MatchRegexp(`^"[^"]+"$`), "GET")
		}
	},
}, {
	Requirement: "DPS-ETAG-002",
	Title:       "the etag changes with every successful write, and with nothing else",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, record := range []harness.Members{newRecord(ctx, t, s), newGroup(ctx, t, s)} {
			seen := []string{tagOf(record)}
			for range 3 {
				answer := update(ctx, t, s, record, "*")
				t.Given("the write succeeds", func() { t.Expect(answer.Status).To(BeNumerically("<", 300)) })
				now := tagOf(object(t, answer))
				t.Expect(now).NotTo(Or(BeEmpty(), BeElementOf(seen)))
				t.Expect(tagOf(read(ctx, t, s, record))).To(Equal(now))
				seen = append(seen, now)
			}
		}
	},
}, {
	Requirement: "DPS-ETAG-014",
	Title:       "nothing stands between the quotes of an etag that a header may not carry",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		// etagc of RFC 9110 8.8.3, in ASCII.
		headerSafe := MatchRegexp(`^[\x21\x23-\x7e]+$`)
		for _, record := range []harness.Members{newRecord(ctx, t, s), newGroup(ctx, t, s)} {
			tag := tagOf(record)
			t.Expect(len(tag)).To(BeNumerically(">", 2))
			t.Expect(tag[1:len(tag)-1]).To(headerSafe, tag)
		}
		device := s.SymmetricKeyDevice(ctx, t)
		device.Assigned(ctx, t)
		state := object(t, s.Get(ctx, t, devwire.RegistrationPath(device.RegistrationID)))
		t.Expect(bare(tagOf(state))).To(headerSafe, "registration")
	},
}}
