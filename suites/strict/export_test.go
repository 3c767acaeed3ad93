package strict

import (
	"context"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// PacketStream is what a session runs on.
type PacketStream = packetStream

// On runs a registration on a connection of the test's.
func (s SDK) On(ctx context.Context, over dps.Transport, d Device, stream PacketStream) (Outcome, error) {
	r := &run{sdk: s, over: over, device: d}
	err := r.overMQTT(ctx, stream)
	return r.out, err
}

// By runs a registration over HTTPS by a test's function.
func (s SDK) By(ctx context.Context, d Device, send func(ctx context.Context, request []byte) ([]byte, error)) (Outcome, error) {
	r := &run{sdk: s, over: dps.HTTPS, device: d}
	err := r.follow(ctx, &requests{r, send})
	return r.out, err
}

// FrameStream is what a session over AMQP runs on.
type FrameStream = frameStream

// OnLinks runs a registration on an AMQP connection of the test's.
func (s SDK) OnLinks(ctx context.Context, d Device, stream FrameStream) (Outcome, error) {
	r := &run{sdk: s, over: dps.AMQP, device: d}
	err := r.overAMQP(ctx, stream)
	return r.out, err
}

// Connect is the SDK's CONNECT.
func (s SDK) Connect(d Device) *packets.ConnectPacket { return s.connect(d) }

// WebSocket is where and with which subprotocol the SDK upgrades.
func (s SDK) WebSocket() (path, subprotocol string) { return s.mqtt.path, s.mqtt.subprotocol }

// Judges reports whether a rule is about answers.
func (r Rule) Judges() bool { return r.wrong != nil }

var ParseResponse = parseResponse
