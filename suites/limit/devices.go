package limit

import (
	"context"
	"time"

	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

const (
	minute     = time.Minute
	pollPeriod = 10 * time.Second
)

var deviceChecks = []harness.Check{{
	Requirement: "DPS-LIMIT-001",
	Title:       "a registration over the limit is told 429001 and when to come again",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		_, group := limited(ctx, env, t, controlapi.Limits{RegistrationsPerMinute: 2})
		t.Given("two devices register", func() {
			for range 2 {
				t.Expect(registered(ctx, t, group.Device(t).Connect(ctx, t))).To(beTaken())
			}
		})
		t.Expect(registered(ctx, t, group.Device(t).Connect(ctx, t))).To(beThrottled(minute))
	},
}, {
	Requirement: "DPS-LIMIT-002",
	Title:       "the sixth poll within ten seconds is told 429001, and another device polls",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		_, group := limited(ctx, env, t, controlapi.Limits{PollsPerTenSeconds: 5})
		conn := group.Device(t).Connect(ctx, t)
		operation := registered(ctx, t, conn).OperationID
		t.Given("five polls are answered", func() {
			for range 5 {
				t.Expect(polled(ctx, t, conn, operation)).To(beTaken())
			}
		})
		t.Expect(polled(ctx, t, conn, operation)).To(beThrottled(pollPeriod))
		other := group.Device(t).Connect(ctx, t)
		t.Expect(polled(ctx, t, other, registered(ctx, t, other).OperationID)).To(beTaken())
	},
}, {
	Requirement: "DPS-LIMIT-004",
	Title:       "a device whose polls are throttled registers",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		_, group := limited(ctx, env, t, controlapi.Limits{RegistrationsPerMinute: 9, PollsPerTenSeconds: 1})
		d := group.Device(t)
		conn := d.Connect(ctx, t)
		first := registered(ctx, t, conn)
		t.Given("its polls are throttled", func() {
			t.Expect(polled(ctx, t, conn, first.OperationID)).To(beTaken())
			t.Expect(polled(ctx, t, conn, first.OperationID)).To(beThrottled(pollPeriod))
		})
		t.Expect(registered(ctx, t, conn)).To(beTaken())
	},
}, {
	Requirement: "DPS-LIMIT-004",
	Title:       "a device whose second registration was throttled polls its first",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		_, group := limited(ctx, env, t, controlapi.Limits{RegistrationsPerMinute: 1, PollsPerTenSeconds: 9})
		conn := group.Device(t).Connect(ctx, t)
		first := registered(ctx, t, conn)
		t.Given("its registrations are throttled", func() {
			t.Expect(polled(ctx, t, conn, first.OperationID)).To(beTaken())
			t.Expect(registered(ctx, t, conn)).To(beThrottled(minute))
		})
		t.Expect(polled(ctx, t, conn, first.OperationID)).To(beTaken())
	},
}, {
	Requirement: "DPS-LIMIT-005",
	Title:       "a throttled registration is taken when its time has passed",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s, group := limited(ctx, env, t, controlapi.Limits{RegistrationsPerMinute: 1})
		conn := group.Device(t).Connect(ctx, t)
		t.Given("its registrations are throttled", func() {
			t.Expect(registered(ctx, t, group.Device(t).Connect(ctx, t))).To(beTaken())
		})
		refused := registered(ctx, t, conn)
		t.Expect(refused).To(beThrottled(minute))
		s.Advance(ctx, t, refused.RetryAfter)
		t.Expect(registered(ctx, t, conn)).To(beTaken())
	},
}, {
	Requirement: "DPS-LIMIT-006",
	Title:       "nothing is kept of a throttled registration",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s, group := limited(ctx, env, t, controlapi.Limits{RegistrationsPerMinute: 1})
		t.Given("a device that registered is found", func() {
			known := group.Device(t)
			known.Assigned(ctx, t)
			t.Expect(s.Get(ctx, t, "/registrations/"+known.RegistrationID).Status).To(Equal(200))
		})
		late := group.Device(t)
		refused := registered(ctx, t, late.Connect(ctx, t))
		t.Expect(refused).To(beThrottled(minute))
		t.Expect(refused.OperationID).To(BeEmpty())
		t.Expect(s.Get(ctx, t, "/registrations/"+late.RegistrationID).Status).To(Equal(404))
		t.Expect(s.Hubs[0].Get(ctx, t, harness.IdentityPath(late.RegistrationID)).Status).To(Equal(404))
	},
}}
