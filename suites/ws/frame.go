package ws

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/eclipse/paho.mqtt.golang/packets"
	. "github.com/onsi/gomega"
)

// frames is a WebSocket of a device, message by message.
type frames struct {
	*devwire.RawWebSocket
	t      *harness.T
	env    *harness.Env
	device *harness.Device
}

func open(ctx context.Context, env *harness.Env, t *harness.T) frames {
	d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
	raw, err := env.Wire.RawWebSocket(ctx, d.Service.Device, devwire.DialOptions{})
	t.Answered(err, "open a websocket")
	t.Cleanup(func(context.Context) { raw.Close() })
	return frames{raw, t, env, d}
}

func encoded(cp packets.ControlPacket) []byte {
	var b bytes.Buffer
	cp.Write(&b) // a buffer takes everything
	return b.Bytes()
}

func (f frames) connect() []byte { return encoded(f.device.ConnectPacket()) }

func subscribe() []byte {
	s := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
	s.MessageID, s.Topics, s.Qoss = 1, []string{devwire.ResponseFilter}, []byte{1}
	return encoded(s)
}

func (f frames) register() []byte {
	m := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	m.TopicName = devwire.RegisterTopic("1")
	var err error
	m.Payload, err = f.device.Registration(nil)
	f.t.Must(err, "write the register request")
	return encoded(m)
}

func pingreq() []byte { return encoded(packets.NewControlPacket(packets.Pingreq)) }

// send writes one binary message, in as many frames as there are parts.
func (f frames) send(ctx context.Context, parts ...[]byte) {
	f.t.Answered(f.Send(ctx, false, parts...), "send a binary frame")
}

// expect reads MQTT packets until those of the given kinds have come, in that order. A
// message may hold several of them, or a part of one.
func (f frames) expect(ctx context.Context, kinds ...byte) {
	var stream []byte
	for _, kind := range kinds {
		var packet []byte
		for packet == nil {
			if packet, stream = cut(stream); packet == nil {
				m := f.next(ctx)
				stream = append(stream, m.Data...)
			}
		}
		f.t.Expect(packets.PacketNames[packet[0]>>4]).To(Equal(packets.PacketNames[kind]))
	}
}

func (f frames) next(ctx context.Context) devwire.WebSocketMessage {
	ctx, cancel := context.WithTimeout(ctx, f.env.Timeouts.Answer)
	defer cancel()
	m, err := f.Next(ctx)
	f.t.Answered(err, "wait for a message")
	return m
}

// cut takes the first whole MQTT packet off a stream, nil when there is none yet.
func cut(stream []byte) (packet, rest []byte) {
	length, end := 0, 1
	for shift := 0; ; shift += 7 {
		if end >= len(stream) {
			return nil, stream
		}
		b := stream[end]
		end++
		length |= int(b&0x7f) << shift
		if b&0x80 == 0 {
			break
		}
	}
	if end+length > len(stream) {
		return nil, stream
	}
	return stream[:end+length], stream[end+length:]
}

// inPieces cuts bytes into pieces of that size.
func inPieces(b []byte, size int) (pieces [][]byte) {
	for len(b) > size {
		pieces, b = append(pieces, b[:size]), b[size:]
	}
	return append(pieces, b)
}

// frameChecks are about MQTT in WebSocket frames.
var frameChecks = []harness.Check{{
	Requirement: "DPS-WS-004",
	Title:       "the service sends MQTT in binary frames",
	Transports:  overWebSocket,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		f := open(ctx, env, t)
		for _, packet := range [][]byte{f.connect(), subscribe(), f.register()} {
			f.send(ctx, packet)
			t.Expect(f.next(ctx).Text).To(BeFalse(), "the answer has to come in a binary frame")
		}
	},
}, {
	Requirement: "DPS-WS-005",
	Title:       "a packet may be split over messages and over the frames of a message",
	Transports:  overWebSocket,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		f := open(ctx, env, t)
		for _, piece := range inPieces(f.connect(), 50) {
			f.send(ctx, piece)
		}
		f.expect(ctx, packets.Connack)
		for _, piece := range inPieces(subscribe(), 1) {
			f.send(ctx, piece)
		}
		f.expect(ctx, packets.Suback)
		f.send(ctx, inPieces(f.register(), 20)...)
		f.expect(ctx, packets.Publish)
	},
}, {
	Requirement: "DPS-WS-006",
	Title:       "one frame may hold several packets",
	Transports:  overWebSocket,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		f := open(ctx, env, t)
		t.Given("the device is connected", func() {
			f.send(ctx, f.connect())
			f.expect(ctx, packets.Connack)
		})
		f.send(ctx, bytes.Join([][]byte{pingreq(), subscribe(), f.register()}, nil))
		f.expect(ctx, packets.Pingresp, packets.Suback, packets.Publish)
	},
}, {
	Requirement: "DPS-WS-007",
	Title:       "a text frame ends the connection",
	Transports:  overWebSocket,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		f := open(ctx, env, t)
		t.Given("the same packet is answered when it comes in a binary frame", func() {
			f.send(ctx, f.connect())
			f.expect(ctx, packets.Connack)
			f.send(ctx, pingreq())
			f.expect(ctx, packets.Pingresp)
		})
		t.Answered(f.Send(ctx, true, pingreq()), "send a text frame")
		ctx, cancel := context.WithTimeout(ctx, env.Timeouts.Close)
		defer cancel()
		m, err := f.Next(ctx)
		t.Expect(errors.Is(err, io.EOF)).To(BeTrue(), "the service has to close the connection: %v, % x", err, m.Data)
	},
}, {
	Requirement: "DPS-WS-008",
	Title:       "a WebSocket ping is answered with a pong",
	Transports:  overWebSocket,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		f := open(ctx, env, t)
		t.Given("the device is connected", func() {
			f.send(ctx, f.connect())
			f.expect(ctx, packets.Connack)
		})
		t.Expect(f.Ping(ctx)).To(Succeed())
	},
}}
