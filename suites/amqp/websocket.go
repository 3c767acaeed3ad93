package amqp

import (
	"bytes"
	"context"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

var overWebSocket = harness.Over(dps.AMQPWebSocket)

// subprotocol is that of AMQP (device-api.md 3.1).
const subprotocol = "AMQPWSB10"

// webSocketChecks are about AMQP inside a WebSocket.
var webSocketChecks = []harness.Check{{
	Requirement: "DPS-AMQP-057",
	Title:       "a device registers at /$iothub/websocket with subprotocol AMQPWSB10",
	Transports:  overWebSocket,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		onPath := styled(d, func(s *devwire.AMQPStyle) { s.Path = "/$iothub/websocket" })
		t.Expect(onPath.Try(ctx, t)).To(harness.BeAccepted())
	},
}, {
	Requirement: "DPS-AMQP-058",
	Title:       "a device registers whatever the path and its query",
	Transports:  overWebSocket,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
		for _, path := range []string{"/", "/$iothub/websocket?iothub-no-client-cert=true", "/mqtt"} {
			d := styled(group.Device(t), func(s *devwire.AMQPStyle) { s.Path = path })
			t.Expect(d.Try(ctx, t)).To(harness.BeAccepted(), "the path %s", path)
		}
	},
}, {
	Requirement: "DPS-AMQP-059",
	Title:       "the subprotocol is echoed, alone or beside others",
	Transports:  overWebSocket,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		for _, offered := range [][]string{{subprotocol}, {"unknown", subprotocol}} {
			conn, err := env.Wire.AMQP(ctx, dps.AMQPWebSocket, d.Service.Device, devwire.DialOptions{Subprotocols: offered})
			t.Answered(err, "open a websocket")
			t.Cleanup(func(context.Context) { conn.Close() })
			t.Expect(conn.Subprotocol()).To(Equal(subprotocol), "the subprotocol that is chosen from %q", offered)
		}
	},
}, {
	Requirement: "DPS-AMQP-060",
	Title:       "the service sends AMQP in binary frames",
	Transports:  overWebSocket,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		w := upgraded(ctx, env, t)
		w.send(ctx, amqpframe.HeaderSASL[:])
		t.Expect(w.next(ctx).Text).To(BeFalse(), "the answer has to come in a binary frame")
	},
}, {
	Requirement: "DPS-AMQP-061",
	Title:       "a login may be split over messages, over the frames of one, and come in one with what follows",
	Transports:  overWebSocket,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		w := upgraded(ctx, env, t)
		for _, piece := range bytes.Split(amqpframe.HeaderSASL[:], nil) {
			w.send(ctx, piece)
		}
		w.expect(ctx, "header", "sasl-mechanisms")
		init, err := plain(env, w.device).Init().Append(nil)
		t.Must(err, "write the init")
		w.send(ctx, init[:5], init[5:40], init[40:])
		w.expect(ctx, "sasl-outcome")
		both := amqpframe.HeaderAMQP[:]
		for _, body := range []*amqpframe.Described{devwire.AMQPOpen(w.device.Service.Device, w.device.Identity), devwire.AMQPBegin()} {
			both, err = amqpframe.On(0, body).Append(both)
			t.Must(err, "write a frame")
		}
		w.send(ctx, both)
		w.expect(ctx, "header", "open", "begin")
	},
}}

// maxFrame bounds a frame of the service's, in bytes.
const maxFrame = 64 << 10

// webSocket is a WebSocket of a device, message by message.
type webSocket struct {
	*devwire.RawWebSocket
	t      *harness.T
	env    *harness.Env
	device *harness.Device
}

func upgraded(ctx context.Context, env *harness.Env, t *harness.T) webSocket {
	d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
	raw, err := env.Wire.RawWebSocket(ctx, d.Service.Device, devwire.DialOptions{Subprotocols: []string{subprotocol}})
	t.Answered(err, "open a websocket")
	t.Cleanup(func(context.Context) { raw.Close() })
	return webSocket{raw, t, env, d}
}

// send writes one binary message, in as many frames as there are parts.
func (w webSocket) send(ctx context.Context, parts ...[]byte) {
	w.t.Answered(w.Send(ctx, false, parts...), "send a binary frame")
}

func (w webSocket) next(ctx context.Context) devwire.WebSocketMessage {
	ctx, cancel := context.WithTimeout(ctx, w.env.Timeouts.Answer)
	defer cancel()
	m, err := w.Next(ctx)
	w.t.Answered(err, "wait for a message")
	return m
}

// expect reads AMQP frames until those of the given names have come, in that order and
// nothing behind them. A message may hold several of them, or a part of one.
func (w webSocket) expect(ctx context.Context, names ...string) {
	var stream []byte
	for _, name := range names {
		for {
			unread := bytes.NewReader(stream)
			f, err := amqpframe.Read(unread, maxFrame)
			if err == nil {
				stream = stream[len(stream)-unread.Len():]
				w.t.Expect(f.Name()).To(Equal(name))
				break
			}
			stream = append(stream, w.next(ctx).Data...)
		}
	}
}
