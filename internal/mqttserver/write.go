package mqttserver

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"sync"

	"github.com/mochi-mqtt/server/v2/packets"
)

// buffers are for encoding. Large ones are not kept.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

const keptBuffer = 16 << 10

// send writes one packet.
func (s *Session) send(pk *packets.Packet) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.write(pk)
}

// write encodes a packet and writes it in one piece. s.writing is held. A write that fails
// ends the session: half a packet may be out.
func (s *Session) write(pk *packets.Packet) error {
	buf := buffers.Get().(*bytes.Buffer)
	buf.Reset()
	defer func() {
		if buf.Cap() <= keptBuffer {
			buffers.Put(buf)
		}
	}()
	if err := encode(pk, buf); err != nil {
		return fmt.Errorf("encode %s: %w", name(pk.FixedHeader.Type), err)
	}
	if err := s.writeBy(s.server.options.Timeouts.Write); err != nil {
		return err
	}
	if _, err := s.conn.Write(buf.Bytes()); err != nil {
		err = fmt.Errorf("write %s: %w", name(pk.FixedHeader.Type), err)
		s.Close(err.Error())
		return err
	}
	return nil
}

func encode(pk *packets.Packet, buf *bytes.Buffer) error {
	pk.ProtocolVersion = level
	switch pk.FixedHeader.Type {
	case packets.Connack:
		return pk.ConnackEncode(buf)
	case packets.Publish:
		return pk.PublishEncode(buf)
	case packets.Puback:
		return pk.PubackEncode(buf)
	case packets.Suback:
		return pk.SubackEncode(buf)
	case packets.Unsuback:
		return pk.UnsubackEncode(buf)
	default:
		return pk.PingrespEncode(buf)
	}
}

func puback(id uint16) *packets.Packet {
	return &packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Puback}, PacketID: id}
}

// Publish sends a message. A QoS 1 message keeps its packet id until the client's PUBACK;
// Publish does not wait for that. Before the CONNACK a message is kept until that is sent.
func (s *Session) Publish(ctx context.Context, topic string, payload []byte, qos byte) error {
	out := OutgoingPublish{Topic: topic, Payload: payload, QoS: qos}
	Outgoing.Hit(ctx, s.server.options.Points, s.At(StepDeliver), &out)
	if err := ctx.Err(); err != nil {
		return err
	}
	if out.Drop {
		return nil
	}
	s.mu.Lock()
	early := !s.connected
	s.mu.Unlock()
	if early {
		out.Payload = bytes.Clone(out.Payload)
		if s.postponed(func() { s.deliver(out) }) {
			return nil
		}
	}
	return s.deliver(out)
}

// deliver writes a message, and behind it the PUBACKs that a fault held back for it.
func (s *Session) deliver(out OutgoingPublish) error {
	if len(out.Topic) > math.MaxUint16 {
		return fmt.Errorf("a topic of %d bytes does not fit in MQTT's 65535", len(out.Topic))
	}
	id, err := s.packetID(out.QoS)
	if err != nil {
		return err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.write(&packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: out.QoS, Retain: out.Retain, Dup: out.Dup},
		TopicName:   out.Topic, Payload: out.Payload, PacketID: id,
	}); err != nil {
		return err
	}
	for _, late := range s.held {
		if err := s.write(puback(late)); err != nil {
			return err
		}
	}
	s.held = nil
	return nil
}

// maxUnacked bounds the messages that a client may leave without a PUBACK.
const maxUnacked = 1024

// packetID chooses an id for a QoS 1 message and remembers it until its PUBACK.
func (s *Session) packetID(qos byte) (uint16, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return 0, ErrClosed
	case qos == 0:
		return 0, nil
	case len(s.unacked) >= maxUnacked:
		return 0, fmt.Errorf("the client leaves %d messages without a PUBACK", maxUnacked)
	}
	if s.unacked == nil {
		s.unacked = map[uint16]struct{}{}
	}
	for {
		s.lastID++
		if _, used := s.unacked[s.lastID]; s.lastID != 0 && !used {
			s.unacked[s.lastID] = struct{}{}
			return s.lastID, nil
		}
	}
}

// acknowledged frees a packet id. One that nobody waits for, such as 0, is ignored.
func (s *Session) acknowledged(id uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.unacked, id)
}
