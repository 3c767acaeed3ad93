package amqpserver_test

import (
	"testing"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

func TestProtocolHeaders(t *testing.T) {
	plain := []amqp.Symbol{"PLAIN"}
	for _, c := range []struct {
		rule       string
		mechanisms []amqp.Symbol
		asked      string
		answer     amqp.ProtocolHeader
		goesOn     bool
	}{
		{"AMQP without SASL, where SASL is offered", plain, "AMQP\x00\x01\x00\x00", amqp.HeaderAMQP, true},
		{"AMQP without SASL, where none is offered", nil, "AMQP\x00\x01\x00\x00", amqp.HeaderAMQP, true},
		{"SASL", plain, "AMQP\x03\x01\x00\x00", amqp.HeaderSASL, true},
		{"SASL, where none is offered", nil, "AMQP\x03\x01\x00\x00", amqp.HeaderAMQP, false},
		{"TLS, which is below", plain, "AMQP\x02\x01\x00\x00", amqp.HeaderAMQP, false},
		{"an unknown protocol id", plain, "AMQP\x01\x01\x00\x00", amqp.HeaderAMQP, false},
		{"a later version", plain, "AMQP\x00\x01\x01\x00", amqp.HeaderAMQP, false},
		{"AMQP 0-9-1", plain, "AMQP\x00\x00\x09\x01", amqp.HeaderAMQP, false},
		{"HTTP", plain, "GET / HTTP/1.1\r\nHost: here\r\n\r\n", amqp.HeaderAMQP, false},
		{"MQTT", plain, "\x10\x10\x00\x04MQTT\x04\x02\x00\x00\x00\x04test", amqp.HeaderAMQP, false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			p := serve(t, amqpserver.New(&handler{mechanisms: c.mechanisms}, amqpserver.Options{Timeouts: quick}))
			p.sendBytes([]byte(c.asked)...)
			p.wantHeader(c.answer)
			switch {
			case !c.goesOn:
				p.ends()
			case c.answer == amqp.HeaderAMQP:
				p.send(0, &amqp.Open{ContainerID: "test", MaxFrameSize: 512})
				next[*amqp.Open](p)
				p.begin(0).lives()
			default:
				next[*amqp.SASLMechanisms](p)
			}
		})
	}
}

func TestAClientThatDoesNotSayWhatItSpeaks(t *testing.T) {
	for rule, said := range map[string]string{"nothing": "", "half a header": "AMQP"} {
		t.Run(rule, func(t *testing.T) {
			p := serve(t, amqpserver.New(&handler{}, amqpserver.Options{Timeouts: quick}))
			p.sendBytes([]byte(said)...)
			p.ends()
		})
	}
}

func TestWithoutSASLThereIsNoMechanism(t *testing.T) {
	mechanisms := make(chan amqp.Symbol, 1)
	opened(t, amqpserver.New(&handler{mechanisms: []amqp.Symbol{"PLAIN"}, open: func(c *amqpserver.Conn, _ *amqp.Open) *amqp.Error {
		mechanisms <- c.Mechanism()
		return nil
	}}, amqpserver.Options{}))
	if m := <-mechanisms; m != "" {
		t.Errorf("authenticated by %q", m)
	}
}
