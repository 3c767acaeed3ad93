package amqp

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// refusalChecks are about how a refusal is told.
var refusalChecks = []harness.Check{{
	Requirement: "DPS-AMQP-037",
	Title:       "a refused request is settled as rejected, and its description is the error document",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		s.Poll(unknownOperation)
		f := s.Read(ctx, "disposition")
		t.Expect(f.Body.Field("settled")).To(BeEquivalentTo(true), "settled of the disposition")
		outcome := f.Body.Inner("state")
		t.Expect(outcome.Name()).To(Equal("rejected"))
		var doc struct {
			ErrorCode  int
			TrackingID string
			Message    string
		}
		description := outcome.Inner("error").Text("description")
		t.Expect(json.Unmarshal([]byte(description), &doc)).To(Succeed(), "the description %q", description)
		t.Expect(doc.ErrorCode).To(BeNumerically(">", 0), "errorCode in %s", description)
		t.Expect(doc.TrackingID).NotTo(BeEmpty(), "trackingId in %s", description)
		t.Expect(doc.Message).NotTo(BeEmpty(), "message in %s", description)
	},
}, {
	Requirement: "DPS-AMQP-038",
	Title:       "the condition of a rejection fits its code",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		expect := func(code int, condition string) {
			a := s.rejected(ctx)
			t.Expect(a.Code).To(Equal(code), "%s", a.Raw)
			t.Expect(a.Condition).To(Equal(condition), "of %s", a.Raw)
		}
		s.Poll(unknownOperation)
		expect(404, "amqp:not-found")
		s.Poll("")
		expect(400, "com.microsoft:argument-error")
		leaf := t.SelfSigned(env, t.Name())
		s = openAs(ctx, env, t, &harness.Device{Service: s.device.Service, Identity: devwire.Identity{
			Scope: s.device.Scope, RegistrationID: harness.Leaf(leaf).Subject.CommonName, Certificate: &leaf,
		}})
		s.Register()
		expect(401, unauthorized)
	},
}, {
	Requirement: "DPS-AMQP-039",
	Title:       "the first message behind a rejection is the answer to a later request",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		s.Poll(unknownOperation)
		t.Given("the poll of no operation is rejected", func() { s.rejected(ctx) })
		m := s.Register()
		t.Expect(s.Answer(ctx).Message.Property("correlation-id")).To(Equal(m.Property("correlation-id")))
	},
}, {
	Requirement: "DPS-AMQP-040",
	Title:       "a throttled poll is rejected with the condition and the wait that Node looks for",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		s.device.Service.Limit(ctx, t, controlapi.Limits{PollsPerTenSeconds: 1})
		operation := s.registered(ctx).OperationID
		t.Given("one poll is answered", func() {
			s.Poll(operation)
			s.accepted(ctx)
			s.hear(ctx)
		})
		s.Poll(operation)
		a := s.rejected(ctx)
		t.Expect(a.Code).To(Equal(429), "%s", a.Raw)
		t.Expect(a.Condition).To(Equal("com.microsoft:device-container-throttled"))
		t.Expect(a.HasRetryAfter).To(BeTrue(), "retry-after in the info")
		t.Expect(a.RetryAfter).To(BeNumerically("<=", 10*time.Second), "retry-after")
	},
}, {
	Requirement: "DPS-AMQP-047",
	Title:       "a request is answered on the link where others were rejected",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		for range 2 {
			s.Poll(unknownOperation)
			s.rejected(ctx)
		}
		t.Expect(s.register(ctx).OperationID).NotTo(BeEmpty(), "operationId")
	},
}, {
	Requirement: "DPS-AMQP-048",
	Title:       "a certificate that nobody enrolled is judged when its device registers",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).X509Device(ctx, t)
		t.Given("the device is taken by its certificate", func() { t.Expect(d.Try(ctx, t)).To(harness.BeAccepted()) })
		other := t.SelfSigned(env, d.RegistrationID)
		liar := d.With(func(id *devwire.Identity) { id.Certificate = &other })
		f := liar.Frames(ctx, t)
		t.Answered(f.Login(ctx, liar.Identity), "log in")
		t.Answered(f.Attach(ctx, d.Service.Device, liar.Identity), "attach the links")
		s := session{f, t, env, liar}
		s.Register()
		t.Expect(s.rejected(ctx).Code).To(Equal(401))
	},
}}

// rejects sends a message and asserts that it is rejected with that code.
func rejects(ctx context.Context, t *harness.T, s session, m amqpframe.Message, code int) {
	s.Transfer(m)
	a := s.rejected(ctx)
	t.Expect(a.Code).To(Equal(code), "%s", a.Raw)
}

// request is a message with application properties and that body.
func request(body string, properties ...any) amqpframe.Message {
	return amqpframe.Message{amqpframe.Application(properties...), amqpframe.Data(body)}
}

// Names of a request (device-api.md 3.3).
const (
	operationType = "iotdps-operation-type"
	operationID   = "iotdps-operation-id"
	register      = "iotdps-register"
	poll          = "iotdps-get-operationstatus"
)

// badRequestChecks are the requests that have to be refused.
var badRequestChecks = []harness.Check{{
	Requirement: "DPS-AMQP-041",
	Title:       "a poll of an operation that never was is rejected with 404",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		own := s.registered(ctx).OperationID
		t.Given("its own operation is found", func() {
			s.Poll(own)
			s.accepted(ctx)
			s.hear(ctx)
		})
		s.Poll(unknownOperation)
		t.Expect(s.rejected(ctx).Code).To(Equal(404))
	},
}, {
	Requirement: "DPS-AMQP-042",
	Title:       "a poll of another device's operation is rejected with 404",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
		first, second := openAs(ctx, env, t, group.Device(t)), openAs(ctx, env, t, group.Device(t))
		operation := first.registered(ctx).OperationID
		second.registered(ctx)
		second.Poll(operation)
		t.Expect(second.rejected(ctx).Code).To(Equal(404))
	},
}, {
	Requirement: "DPS-AMQP-043",
	Title:       "a poll without an operation id is rejected with 400",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		s.registered(ctx)
		rejects(ctx, t, s, request("", operationType, poll), 400)
		rejects(ctx, t, s, request("", operationType, poll, operationID, ""), 400)
	},
}, {
	Requirement: "DPS-AMQP-044",
	Title:       "a message without an operation type, or with one that is none, is rejected with 400",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		s.registered(ctx)
		rejects(ctx, t, s, amqpframe.Message{amqpframe.Data("{}")}, 400)
		rejects(ctx, t, s, request("{}", operationType, "iotdps-unregister"), 400)
		rejects(ctx, t, s, request("{}", operationType, uint64(1)), 400)
	},
}, {
	Requirement: "DPS-AMQP-045",
	Title:       "a register request that is no JSON object is rejected with 400",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		s.registered(ctx)
		for _, body := range []string{"{", "[]", "registrationId=dev-01", "\x00\xff", `{"registrationId":"another"}`} {
			rejects(ctx, t, s, request(body, operationType, register), 400)
		}
	},
}, {
	Requirement: "DPS-AMQP-046",
	Title:       "a register request of 100 KB is refused, one of 90 KB taken",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
		sized := func(n int) amqpframe.Frame {
			s := openAs(ctx, env, t, group.Device(t))
			s.Write(inPieces(t, request(`{"payload":"`+strings.Repeat("x", n)+`"}`, operationType, register), 16<<10)...)
			return s.Read(ctx, "disposition", "detach", "end", "close")
		}
		t.Given("90 KB are taken", func() { t.Expect(sized(90 << 10).Body.Inner("state").Name()).To(Equal("accepted")) })
		f := sized(100 << 10)
		if f.Name() == "disposition" {
			t.Expect(f.Body.Inner("state").Name()).To(Equal("rejected"))
			return
		}
		t.Expect(f.Body.Inner("error").Text("condition")).NotTo(BeEmpty(), "the condition in %s", f)
	},
}}
