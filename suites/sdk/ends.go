package sdk

import (
	"context"
	"strings"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/strict"
	. "github.com/onsi/gomega"
)

// Enrollments whose devices are not assigned: a policy without its hub, and one that is
// switched off.
var (
	hubless  = harness.Members{"allocationPolicy": "static"}
	disabled = harness.Members{"provisioningStatus": "disabled"}
)

// withLostHub links a hub by a connection string that names a host which is not there.
func withLostHub(ctx context.Context, env *harness.Env, t *harness.T) harness.ServiceOption {
	hub := env.Hub(ctx, t)
	return harness.WithLink(hub, strings.Replace(hub.ConnectionString, hub.Host, "lost-"+hub.Host, 1))
}

func otherKey(d *harness.Device) *harness.Device {
	return d.With(func(id *devwire.Identity) { id.Key = harness.Key() })
}

// endChecks are registrations that end otherwise than assigned, as each SDK reads them.
var endChecks = []harness.Check{
	fails("DPS-HTTPS-036", dps.HTTPS), fails("DPS-MQTT-049", harness.OverMQTT...), fails("DPS-AMQP-035", harness.OverAMQP...),
	disables("DPS-HTTPS-037", dps.HTTPS), disables("DPS-MQTT-050", harness.OverMQTT...), disables("DPS-AMQP-036", harness.OverAMQP...),
}

func fails(id string, over ...dps.Transport) harness.Check {
	return harness.Check{
		Requirement: id,
		Title:       "every SDK reads that a registration failed, and its errorCode",
		Transports:  over,
		Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
			s := env.Service(ctx, t)
			var attempts []attempt
			for _, sdk := range strict.Over(t.Transport()) {
				attempts = append(attempts, attempt{what: "no hub", sdk: sdk, device: s.SymmetricKeyDevice(ctx, t, hubless)})
			}
			for _, e := range run(ctx, env, t, attempts...) {
				e.served(t, "failed")
				t.Expect(e.ErrorCode).To(BeNumerically(">=", 400000), "%s: errorCode", e.sdk.Name)
			}
		},
	}
}

// disables knows two SDKs that have no word for it: for them the registration ends with an
// error about the status, and with no other.
func disables(id string, over ...dps.Transport) harness.Check {
	return harness.Check{
		Requirement: id,
		Title:       "every SDK that knows the status reads that its enrollment is disabled, and the others stop at it",
		Transports:  over,
		Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
			s := env.Service(ctx, t)
			var attempts []attempt
			for _, sdk := range strict.Over(t.Transport()) {
				attempts = append(attempts, attempt{what: "disabled", sdk: sdk, device: s.SymmetricKeyDevice(ctx, t, disabled)})
			}
			for _, e := range run(ctx, env, t, attempts...) {
				if e.sdk.Knows("disabled") {
					e.served(t, "disabled")
					continue
				}
				t.Expect(e.complaint()).To(HaveField("What", `the status is "disabled"`), "%s", e.sdk.Name)
			}
		},
	}
}

// refusalChecks are credentials that are not the device's, as each SDK hears of it.
var refusalChecks = []harness.Check{{
	Requirement: "DPS-SAS-009",
	Title:       "every SDK reads that its key is wrong",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		expectRefusals(ctx, env, t, "a wrong key", otherKey, s.SymmetricKeyGroup(ctx, t).Device)
	},
}, {
	Requirement: "DPS-X509-004",
	Title:       "every SDK reads that its certificate is not the enrolled one",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		expectRefusals(ctx, env, t, "another certificate", func(d *harness.Device) *harness.Device {
			other := t.SelfSigned(env, d.RegistrationID)
			return d.With(func(id *devwire.Identity) { id.Certificate = &other })
		}, func(t *harness.T) *harness.Device { return s.X509Device(ctx, t) })
	},
}}

// expectRefusals has a device of every SDK assigned, and then refused once it lies.
func expectRefusals(ctx context.Context, env *harness.Env, t *harness.T, what string,
	lie func(*harness.Device) *harness.Device, device func(*harness.T) *harness.Device) {
	var honest, lying []attempt
	for _, sdk := range strict.Over(t.Transport()) {
		d := device(t)
		honest = append(honest, attempt{what: "its own credential", sdk: sdk, device: d})
		lying = append(lying, attempt{what: what, sdk: sdk, device: lie(d)})
	}
	t.Given("every SDK's device is assigned with its own credential", func() {
		for _, e := range run(ctx, env, t, honest...) {
			e.assigned(t)
		}
	})
	for _, e := range run(ctx, env, t, lying...) {
		e.refused(t)
	}
}
