package amqp

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// atOnce is how many requests a check has under way on one link.
const atOnce = 5

// deliveryChecks are about which answers come, and how many.
var deliveryChecks = []harness.Check{{
	Requirement: "DPS-AMQP-032",
	Title:       "answers come one after the other to a device that settles none of them",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		f := begun(ctx, t, d)
		f.Write(amqpframe.On(0, attachment(d, devwire.AMQPReceiver).Set("snd-settle-mode", 0))) // unsettled
		f.Read(ctx, "attach")
		f.Write(amqpframe.On(0, attachment(d, devwire.AMQPSender)))
		f.Read(ctx, "attach")
		f.Write(amqpframe.On(0, devwire.AMQPCredit(atOnce)))
		s := session{f, t, env, d}
		operation := s.register(ctx).OperationID
		for range atOnce - 1 {
			s.Poll(operation)
			s.accepted(ctx)
			t.Expect(s.hear(ctx).OperationID).To(Equal(operation))
		}
	},
}, {
	Requirement: "DPS-AMQP-033",
	Title:       "requests that are sent at once are all answered",
	Transports:  harness.OverAMQP,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := open(ctx, env, t)
		operation := s.registered(ctx).OperationID
		want := map[any]bool{}
		for i := range atOnce {
			id := fmt.Sprintf("poll %d", i)
			s.Transfer(s.poll(operation, id))
			want[id] = true
		}
		for range atOnce {
			m := s.Answer(ctx).Message
			t.Expect(s.read(m).OperationID).To(Equal(operation))
			t.Expect(want).To(HaveKey(m.Property("correlation-id")), "the answer to a request that is not answered yet")
			delete(want, m.Property("correlation-id"))
		}
	},
}, {
	Requirement: "DPS-AMQP-034",
	Title:       "each of many attached devices hears its own answers and no others",
	Transports:  harness.OverAMQP,
	Run:         crowd,
}}

// crowdSize is how many devices are attached at once.
const crowdSize = 16

// crowd attaches many devices, lets all of them register at once, and follows each to its
// own registration.
func crowd(ctx context.Context, env *harness.Env, t *harness.T) {
	group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
	sessions := make([]session, crowdSize)
	for i := range sessions {
		sessions[i] = openAs(ctx, env, t, group.Device(t))
	}
	sent := map[int]amqpframe.Message{}
	for i, s := range sessions {
		sent[i] = s.Register()
	}
	// own hears an answer, which has to be to the device's own request.
	own := func(i int) devwire.Answer {
		m := sessions[i].Answer(ctx).Message
		t.Expect(m.Property("correlation-id")).To(Equal(sent[i].Property("correlation-id")), "an answer to somebody else's request")
		return sessions[i].read(m)
	}
	operations, pending := map[string]bool{}, map[int]string{}
	for i := range sessions {
		a := own(i)
		t.Expect(a.OperationID).NotTo(BeKeyOf(operations), "two devices were told the same operationId")
		operations[a.OperationID], pending[i] = true, a.OperationID
	}
	t.Eventually(ctx, func() int {
		for i, operation := range pending {
			sent[i] = sessions[i].Poll(operation)
		}
		for i := range pending {
			if a := own(i); a.Status.Terminal() {
				t.Expect(a.State).NotTo(BeNil(), "registrationState in %s", a.Raw)
				t.Expect(strings.ToLower(a.State.RegistrationID)).To(Equal(sessions[i].device.RegistrationID))
				delete(pending, i)
			}
		}
		return len(pending)
	}).WithTimeout(env.Timeouts.Assign).WithPolling(time.Second).Should(BeZero(), "registrations that are not terminal")
}
