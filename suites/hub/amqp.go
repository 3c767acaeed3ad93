package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// spelt is the device with another way of speaking AMQP.
func spelt(d *harness.HubDevice, style devwire.HubAMQPStyle) *harness.HubDevice {
	return d.With(func(id *devwire.HubIdentity) { id.AMQP = style })
}

// amqpLoginChecks are about how a device logs in over AMQP.
var amqpLoginChecks = []harness.Check{{
	Requirement: "DPS-HUB-057",
	Title:       "a device puts its token and sends telemetry as each SDK does",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		h := env.Hub(ctx, t)
		for _, style := range devwire.HubAMQPStyles() {
			if style.SASL == "PLAIN" {
				continue // brings the token along
			}
			conn := spelt(h.Device(ctx, t), style).ConnectAMQP(ctx, t)
			t.Expect(conn.SendTelemetry(ctx, []byte("21.5"), nil)).To(Succeed(), "telemetry as %s sends it", style.Name)
		}
	},
}, {
	Requirement: "DPS-HUB-058",
	Title:       "the answer to a put-token has its message-id, a string or a uuid, and an int for a status",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Hub(ctx, t).Device(ctx, t)
		for _, uuids := range []bool{false, true} { // devwire takes nothing else for an answer
			t.Expect(spelt(d, devwire.HubAMQPStyle{UUIDs: uuids}).TryAMQP(ctx, t)).To(harness.BeAccepted(), "with uuids: %v", uuids)
		}
	},
}, {
	Requirement: "DPS-HUB-059",
	Title:       "a device that puts no token and has no certificate gets no link",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Hub(ctx, t).Device(ctx, t)
		t.Given("the device is taken with its token", func() { t.Expect(d.TryAMQP(ctx, t)).To(harness.BeAccepted()) })
		r := d.With(func(id *devwire.HubIdentity) { id.Key = nil }).TryAMQP(ctx, t)
		var reason *devwire.AMQPError
		t.Expect(errors.As(r.Err, &reason)).To(BeTrue(), "the hub has to say why it refuses the link: %v", r)
		t.Expect(reason.Condition).To(Equal("amqp:unauthorized-access"))
	},
}, {
	Requirement: "DPS-HUB-060",
	Title:       "a device logs in by SASL PLAIN",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := spelt(env.Hub(ctx, t).Device(ctx, t), devwire.HubAMQPStyle{SASL: "PLAIN"})
		t.Expect(d.ConnectAMQP(ctx, t).SendTelemetry(ctx, []byte("21.5"), nil)).To(Succeed())
	},
}, {
	Requirement: "DPS-HUB-061",
	Title:       "a token of another key, of an unknown device and of a disabled one are not taken",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		h := env.Hub(ctx, t)
		d, disabled := h.Device(ctx, t), h.Device(ctx, t, harness.Members{"status": "disabled"})
		t.Given("the device is taken with its token", func() { t.Expect(d.TryAMQP(ctx, t)).To(harness.BeAccepted()) })
		for what, liar := range map[string]*harness.HubDevice{
			"a token of another key": d.With(func(id *devwire.HubIdentity) { id.Key = harness.Key() }),
			"an unknown device":      d.With(func(id *devwire.HubIdentity) { id.DeviceID = t.Name() }),
			"a disabled device":      disabled,
		} {
			r := liar.TryAMQP(ctx, t)
			var refused *devwire.TokenRefused
			t.Expect(errors.As(r.Err, &refused)).To(BeTrue(), "%s has to be answered with a status: %v", what, r)
		}
	},
}, {
	Requirement: "DPS-HUB-065",
	Title:       "links end when the token of their device expires",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		h := env.Hub(ctx, t)
		conn := h.Device(ctx, t).ConnectAMQP(ctx, t)
		t.Given("telemetry is taken", func() { t.Expect(conn.SendTelemetry(ctx, []byte("21.5"), nil)).To(Succeed()) })
		h.Advance(ctx, t, 2*time.Hour)
		var err error
		t.Eventually(ctx, func() error { // what is on its way when the token expires may still be taken
			err = conn.SendTelemetry(ctx, []byte("21.5"), nil)
			return err
		}).WithTimeout(env.Timeouts.Close).Should(HaveOccurred())
		var reason *devwire.AMQPError
		t.Expect(errors.As(err, &reason)).To(BeTrue(), "the hub has to end the link with a reason: %v", err)
		t.Expect(reason.Condition).To(Equal("amqp:unauthorized-access"))
	},
}, {
	Requirement: "DPS-HUB-068",
	Title:       "a device with a certificate sends telemetry without a token",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		h := env.Hub(ctx, t)
		for _, mechanism := range []string{devwire.NoSASL, "EXTERNAL"} {
			d := spelt(h.X509Device(ctx, t), devwire.HubAMQPStyle{SASL: mechanism})
			t.Expect(d.ConnectAMQP(ctx, t).SendTelemetry(ctx, []byte("21.5"), nil)).To(Succeed(), "SASL %s", mechanism)
		}
	},
}}

// amqpMessageChecks are about what a device sends and hears over AMQP.
var amqpMessageChecks = []harness.Check{{
	Requirement: "DPS-HUB-062",
	Title:       "telemetry reaches its reader with its properties",
	Transports:  harness.OverAMQP,
	Needs:       []harness.Need{harness.NeedControl},
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Hub(ctx, t).Device(ctx, t)
		conn := d.ConnectAMQP(ctx, t)
		t.Answered(conn.SendTelemetry(ctx, []byte("21.5"), map[string]string{
			"$.ct": "application/json", "$.ce": "utf-8", "$.mid": "m/1", "zone": "a b", "empty": "",
		}), "send telemetry")
		m := d.Hub.Telemetry(ctx, t, d.DeviceID, 1)[0]
		t.Expect(m.Body).To(BeEquivalentTo("21.5"))
		t.Expect(m.SystemProperties).To(And(HaveKeyWithValue("content-type", "application/json"),
			HaveKeyWithValue("content-encoding", "utf-8"), HaveKeyWithValue("message-id", "m/1")))
		t.Expect(m.Properties).To(And(HaveLen(2), HaveKeyWithValue("zone", HaveValue(Equal("a b"))), HaveKeyWithValue("empty", HaveValue(BeEmpty()))))
	},
}, {
	Requirement: "DPS-HUB-063",
	Title:       "the messages of a batch reach their reader one by one",
	Transports:  harness.OverAMQP,
	Needs:       []harness.Need{harness.NeedControl},
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Hub(ctx, t).Device(ctx, t)
		var batch amqpframe.Message
		for _, body := range []string{"one", "two", "three"} {
			inner, err := amqpframe.Message{amqpframe.Application("n", body), amqpframe.Data(body)}.Encode()
			t.Must(err, "write a message")
			batch = append(batch, amqpframe.Data(inner))
		}
		outcome := sendRaw(ctx, env, t, d, batch, batchFormat)
		t.Expect(outcome.Name()).To(Equal("accepted"))
		var bodies []string
		for _, m := range d.Hub.Telemetry(ctx, t, d.DeviceID, 3) {
			bodies = append(bodies, string(m.Body))
			t.Expect(m.Properties).To(HaveKeyWithValue("n", HaveValue(BeEquivalentTo(m.Body))))
		}
		t.Expect(bodies).To(Equal([]string{"one", "two", "three"}))
	},
}, {
	Requirement: "DPS-HUB-069",
	Title:       "telemetry of 300 KB is refused, of 200 KB taken",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Hub(ctx, t).Device(ctx, t)
		conn := d.ConnectAMQP(ctx, t)
		t.Given("200 KB are taken", func() {
			t.Expect(conn.SendTelemetry(ctx, []byte(strings.Repeat("x", 200<<10)), nil)).To(Succeed())
		})
		err := conn.SendTelemetry(ctx, []byte(strings.Repeat("x", 300<<10)), nil)
		var rejected *devwire.HubError
		var ended *devwire.AMQPError
		t.Expect(errors.As(err, &rejected) || errors.As(err, &ended)).To(BeTrue(), "the hub has to refuse it with a reason: %v", err)
	},
}, {
	Requirement: "DPS-HUB-064",
	Title:       "a twin is read and reported to",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		conn := env.Hub(ctx, t).Device(ctx, t).ConnectAMQP(ctx, t)
		before, err := conn.Twin(ctx)
		t.Answered(err, "read the twin")
		version, err := conn.Report(ctx, map[string]any{"firmware": "1.2"})
		t.Answered(err, "report")
		t.Expect(version).To(BeNumerically(">", before.ReportedVersion), "the version of the reported properties")
		after, err := conn.Twin(ctx)
		t.Answered(err, "read the twin again")
		t.Expect(after.ReportedVersion).To(Equal(version))
		t.Expect(after.Reported).To(MatchJSON(fmt.Sprintf(`{"firmware":"1.2","$version":%d}`, version)))
	},
}, {
	Requirement: "DPS-HUB-066",
	Title:       "a desired patch reaches its device",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Hub(ctx, t).Device(ctx, t)
		desired, err := d.ConnectAMQP(ctx, t).Desired(ctx)
		t.Answered(err, "ask for notifications")
		answer := d.Hub.Patch(ctx, t, harness.TwinPath(d.DeviceID), harness.Members{"properties": harness.Members{"desired": harness.Members{"interval": 30}}})
		t.Given("the twin is patched", func() { t.Expect(answer.Status).To(Equal(http.StatusOK)) })
		t.Eventually(ctx, desired).WithTimeout(env.Timeouts.Delivery).Should(Receive(WithTransform(interval, BeEquivalentTo(30))))
	},
}, {
	Requirement: "DPS-HUB-067",
	Title:       "a method call reaches the device, and its status and payload the caller",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Hub(ctx, t).Device(ctx, t)
		conn := d.ConnectAMQP(ctx, t)
		t.Answered(conn.HandleMethods(func(name string, payload json.RawMessage) (int, any) {
			return 207, map[string]any{"method": name, "payload": payload}
		}), "take methods")
		answer := returned(ctx, t, call(ctx, t, d, "reboot", harness.Members{"in": 3}))
		t.Expect(answer.Status).To(Equal(http.StatusOK), "%v", answer)
		t.Expect(answer.Body).To(MatchJSON(`{"status":207,"payload":{"method":"reboot","payload":{"in":3}}}`))
	},
}, {
	Requirement: "DPS-HUB-067",
	Title:       "a method call has a uuid for its correlation-id, and one data section",
	Transports:  harness.OverAMQP,
	Run:         methodCall,
}}

// interval is the property of that name in a notification.
func interval(patch json.RawMessage) any {
	var doc map[string]any
	_ = json.Unmarshal(patch, &doc) // no JSON has none
	return doc["interval"]
}
