package embed

import (
	"context"
	"encoding/json"

	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/wire"
	. "github.com/onsi/gomega"
)

// firstBoot and stolen are requirements of our own, which dpslab's catalogue does not have.
var (
	firstBoot = &harness.Requirement{
		ID: "ACME-BOOT-001", Level: "must", Statement: "The service hands our devices their configuration when it assigns them.",
		Source: "ACME device handbook, 4.2", Evidence: "doc", Transports: []string{"https", "mqtt"},
	}
	stolen = &harness.Requirement{
		ID: "ACME-BOOT-002", Level: "must", Statement: "The service lets nobody in who has another device's key.",
		Source: "ACME threat model, T7", Evidence: "doc", Transports: []string{"https", "mqtt"},
	}
)

// own are the checks of ours. How checks are written is told in suites/harness.
var own = []harness.Check{{
	Own: firstBoot, Title: "an assigned device finds its line in the twin", Transports: harness.Over(wire.HTTPS, wire.MQTT),
	Needs: []harness.Need{harness.NeedHub},
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		device := env.Service(ctx, t).SymmetricKeyDevice(ctx, t, harness.Members{
			"initialTwin": harness.Members{"properties": harness.Members{"desired": harness.Members{"line": "north"}}},
		})
		answer := device.Provision(ctx, t)
		t.Expect(answer.Status).To(Equal(wire.StatusAssigned))
		twin, err := device.AtHub(t, answer).Connect(ctx, t).Twin(ctx)
		t.Answered(err, "read the twin")
		t.Expect(line(twin)).To(Equal("north"))
	},
}, {
	Own: stolen, Title: "a key opens the door for its own device alone", Transports: harness.Over(wire.HTTPS, wire.MQTT),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		service := env.Service(ctx, t)
		ours, theirs := service.SymmetricKeyDevice(ctx, t), service.SymmetricKeyDevice(ctx, t)
		t.Given("the key is good for its own device", func() {
			t.Expect(theirs.Try(ctx, t)).To(harness.BeAccepted())
		})
		liar := ours.With(func(id *wire.Identity) { id.Key = theirs.Key })
		t.Expect(liar.Try(ctx, t)).To(harness.BeRefused())
	},
}}

func line(twin wire.Twin) string {
	var desired struct{ Line string }
	if err := json.Unmarshal(twin.Desired, &desired); err != nil {
		return err.Error()
	}
	return desired.Line
}
