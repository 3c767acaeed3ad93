package fakehub

import (
	"errors"
	"fmt"
	"strings"

	"github.com/dpslab/dpslab/fakehub/devicefront"
	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
	"github.com/dpslab/dpslab/internal/point"
)

// outgoingAMQP changes messages to devices over links whose address ends so.
func outgoingAMQP(end string, change func(m *amqpserver.OutgoingMessage)) func(point.Args) ([]point.Plan, error) {
	return point.Always(amqpserver.Outgoing.Plan(func(_ point.Call, m *amqpserver.OutgoingMessage) {
		if strings.HasSuffix(m.Address, end) {
			change(m)
		}
	}))
}

// setEntry changes a value of a map of a message.
func setEntry(m amqp.Map, name string, change func(amqp.Value) amqp.Value) {
	for i, pair := range m {
		if fmt.Sprint(pair[0]) == name {
			m[i][1] = change(pair[1])
		}
	}
}

var errNoToken = errors.New("the device has put no token")

// amqpDefects are what a hub does wrong over AMQP.
var amqpDefects = point.Catalogue{{
	ID: "hub-amqp-token-unanswered", Summary: "a put-token is not answered",
	Catches: []string{"DPS-HUB-057", "DPS-HUB-058"},
	Build:   outgoingAMQP("$cbs", func(m *amqpserver.OutgoingMessage) { m.Drop = true }),
}, {
	ID: "hub-amqp-status-as-text", Summary: "the status of the answer to a put-token is a string",
	Catches: []string{"DPS-HUB-058"},
	Build: outgoingAMQP("$cbs", func(m *amqpserver.OutgoingMessage) {
		setEntry(m.Message.ApplicationProperties, "status-code", func(v amqp.Value) amqp.Value { return fmt.Sprint(v) })
	}),
}, {
	ID: "hub-amqp-correlation-as-text", Summary: "correlation-ids are echoed as strings",
	Catches: []string{"DPS-HUB-058", "DPS-HUB-067"},
	Build: outgoingAMQP("", func(m *amqpserver.OutgoingMessage) {
		if p := m.Message.Properties; p != nil && p.CorrelationID != nil {
			p.CorrelationID = fmt.Sprint(p.CorrelationID)
		}
	}),
}, {
	ID: "hub-amqp-any-device", Summary: "a device gets its links whatever it proves",
	Catches: []string{"DPS-HUB-059", "DPS-HUB-061"},
	Build:   point.Always(devicefront.LoggedIn.Plan(func(_ point.Call, l *devicefront.Login) { l.Refusal = nil })),
}, {
	ID: "hub-amqp-no-plain", Summary: "SASL PLAIN is not offered",
	Catches: []string{"DPS-HUB-060"},
	Build: point.Always(amqpserver.Mechanisms.Plan(func(_ point.Call, r *amqpserver.MechanismsReply) {
		r.Mechanisms = []amqp.Symbol{"EXTERNAL", "MSSBCBS", "ANONYMOUS"}
	})),
}, {
	ID: "hub-amqp-certificate-is-not-enough", Summary: "a device with a certificate has to put a token",
	Catches: []string{"DPS-HUB-068"},
	Build: point.Always(devicefront.LoggedIn.Plan(func(_ point.Call, l *devicefront.Login) {
		if l.Token == nil && l.Refusal == nil {
			l.Refusal = errNoToken
		}
	})),
}, {
	ID: "hub-amqp-telemetry-lost", Summary: "telemetry is accepted and lost",
	Catches: []string{"DPS-HUB-062", "DPS-HUB-063"},
	Build:   point.Always(devicefront.Enqueued.Plan(func(_ point.Call, m *devicefront.Message) { m.Drop = true })),
}, {
	ID: "hub-amqp-large-telemetry-accepted", Summary: "telemetry that is too large is accepted, and lost",
	Catches: []string{"DPS-HUB-069"},
	Build: point.Always(amqpserver.Settle.Plan(func(_ point.Call, s *amqpserver.Settlement) {
		if r, ok := s.State.(*amqp.Rejected); ok && r.Error.Condition == amqp.MessageSizeExceeded {
			s.State = &amqp.Accepted{}
		}
	})),
}, {
	ID: "hub-amqp-twin-status-long", Summary: "the status of an answer about a twin is a long",
	Catches: []string{"DPS-HUB-064", "DPS-HUB-066"},
	Build: outgoingAMQP("/twin", func(m *amqpserver.OutgoingMessage) {
		setEntry(m.Message.MessageAnnotations, "status", func(v amqp.Value) amqp.Value { return int64(v.(int32)) })
	}),
}, {
	ID: "hub-amqp-desired-unsent", Summary: "a device that asked for it is not notified of desired properties",
	Catches: []string{"DPS-HUB-066"},
	Build: outgoingAMQP("/twin", func(m *amqpserver.OutgoingMessage) {
		m.Drop = m.Message.MessageAnnotations.Text("resource") == "/properties/desired"
	}),
}, {
	ID: "hub-amqp-method-without-body", Summary: "a method call has no data section",
	Catches: []string{"DPS-HUB-067"},
	Build:   outgoingAMQP("/methods/devicebound", func(m *amqpserver.OutgoingMessage) { m.Message.Body = amqp.Single{} }),
}}
