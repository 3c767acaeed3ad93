package strict

import (
	"context"
	"strconv"
	"strings"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// packetStream is an MQTT connection packet by packet; devwire.PacketConn is one.
type packetStream interface {
	Send(packets.ControlPacket) error
	Next(ctx context.Context) (packets.ControlPacket, error)
}

// session is one registration on an MQTT connection. It is an exchange.
type session struct {
	*run
	script   mqttScript
	stream   packetStream
	lastID   uint16
	requests int
}

func (s *session) nextID() uint16 {
	s.lastID++
	return s.lastID
}

// order is the rule that a packet breaks which no client would take where it came.
func (s *session) order() Rule {
	if s.script.inOrder != nil {
		return *s.script.inOrder
	}
	return s.sdk.session
}

// next hears one packet within the SDK's patience.
func (s *session) next(ctx context.Context, what string) (packets.ControlPacket, error) {
	waiting, done := s.waiting(ctx)
	defer done()
	cp, err := s.stream.Next(waiting)
	if err != nil {
		return nil, s.unheard(waiting, err, what)
	}
	s.out.Heard = append(s.out.Heard, name(cp))
	return cp, nil
}

// await hears packets until one is of the kind that is due, and answers the packet with
// that id where it answers one. In order, the first has to be it.
func (s *session) await(ctx context.Context, due byte, id uint16, what string) (packets.ControlPacket, error) {
	for {
		cp, err := s.next(ctx, what)
		if err != nil {
			return nil, err
		}
		if kindOf(cp) == due && (due == packets.Publish || cp.Details().MessageID == id) {
			return cp, nil
		}
		if err := s.unasked(cp); err != nil {
			return nil, err
		}
	}
}

// unasked is what the SDK says of a packet that was not due.
func (s *session) unasked(cp packets.ControlPacket) error {
	switch m, publish := cp.(*packets.PublishPacket); {
	case s.script.inOrder != nil:
		return s.complain(*s.script.inOrder, "%s came behind %s", name(cp), s.heardBefore())
	case publish && s.script.alone != nil:
		return s.complain(*s.script.alone, "a message came on %q that it had not asked for", m.TopicName)
	case publish:
		return s.confirm(m)
	}
	return nil
}

// heardBefore are the kinds of the packets before the last.
func (s *session) heardBefore() string {
	return strings.Join(s.out.Heard[:len(s.out.Heard)-1], ", ")
}

// kindOf is a packet's number in MQTT 3.1.1, section 2.2.1.
func kindOf(cp packets.ControlPacket) byte {
	switch cp.(type) {
	case *packets.ConnackPacket:
		return packets.Connack
	case *packets.SubackPacket:
		return packets.Suback
	case *packets.PubackPacket:
		return packets.Puback
	case *packets.PublishPacket:
		return packets.Publish
	case *packets.UnsubackPacket:
		return packets.Unsuback
	case *packets.PingrespPacket:
		return packets.Pingresp
	case *packets.PubrecPacket:
		return packets.Pubrec
	case *packets.PubrelPacket:
		return packets.Pubrel
	case *packets.PubcompPacket:
		return packets.Pubcomp
	default:
		return 0
	}
}

func name(cp packets.ControlPacket) string { return packets.PacketNames[kindOf(cp)] }

const responsePrefix = "$dps/registrations/res/"

// codeOf is the number in the topic of an answer, 0 when it holds none.
func codeOf(topic string) int {
	rest, ok := strings.CutPrefix(topic, responsePrefix)
	digits, _, _ := strings.Cut(rest, "/")
	code, err := strconv.ParseUint(digits, 10, 16)
	if !ok || err != nil {
		return 0
	}
	return int(code)
}
