package err

import (
	"context"
	"time"

	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// lifecycleChecks follow a registration beyond its first end.
var lifecycleChecks = []harness.Check{{
	Requirement: "DPS-ERR-009",
	Title:       "polls of a registration that has ended are answered alike",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		conn := env.Service(ctx, t).SymmetricKeyDevice(ctx, t).Connect(ctx, t)
		operation := registered(ctx, t, conn).OperationID
		first := settled(ctx, t, conn, operation)
		again := polled(ctx, t, conn, operation)
		t.Expect(again.Code).To(Equal(first.Code))
		t.Expect(again.Raw).To(MatchJSON(first.Raw))
	},
}, {
	Requirement: "DPS-ERR-010",
	Title:       "a day after a registration has ended its operation is answered with 404",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		service := env.Service(ctx, t)
		d := service.X509Device(ctx, t) // whose proof does not run out with its token
		conn := d.Connect(ctx, t)
		operation := registered(ctx, t, conn).OperationID
		t.Given("the registration has ended", func() { settled(ctx, t, conn, operation) })
		service.Advance(ctx, t, 24*time.Hour)
		t.Expect(polled(ctx, t, d.Connect(ctx, t), operation).Code).To(Equal(404))
	},
}, {
	Requirement: "DPS-ERR-011",
	Title:       "a device is served on the connection on which it heard an error",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		conn := env.Service(ctx, t).SymmetricKeyDevice(ctx, t).Connect(ctx, t)
		t.Given("a poll is refused", func() {
			t.Expect(polled(ctx, t, conn, unknownOperation).Code).To(Equal(404))
		})
		answer, err := conn.Register(ctx, nil)
		t.Expect(err).NotTo(HaveOccurred())
		t.Expect(answer).To(beTaken())
	},
}}
