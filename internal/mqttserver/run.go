package mqttserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// ending says how a session ended.
type ending struct {
	accepted bool     // Handler.Closed is due
	will     *Publish // nil after a DISCONNECT
	why      string
}

// run is the session on its reader, from CONNECT to the end.
func (s *Session) run() ending {
	will, idle, refused := s.open()
	if refused != nil {
		return *refused
	}
	switch err := s.serve(idle); {
	case errors.Is(err, errDisconnect):
		return ending{accepted: true, why: "the client disconnected"} // [MQTT-3.14.4-3]
	case errors.Is(err, io.EOF):
		return ending{accepted: true, will: will, why: "the client closed the connection without DISCONNECT"}
	default:
		return ending{accepted: true, will: will, why: err.Error()}
	}
}

// open brings the session to its CONNACK, or refuses it. It is apart from run, and take
// from serve, so that a session that waits for its next packet keeps no packet on its stack.
func (s *Session) open() (will *Publish, idle time.Duration, refused *ending) {
	c, err := s.readConnect()
	if err != nil {
		if errors.Is(err, errLevel) {
			reply := ConnackReply{Code: UnacceptableProtocolLevel} // [DPS-MQTT-030]
			Connack.Hit(s.ctx, s.server.options.Points, s.At(StepConnect), &reply)
			s.connack(reply)
		}
		return nil, 0, &ending{why: err.Error()}
	}
	s.clientID = c.ClientID
	s.conn.Transcript().Registration(c.ClientID)

	accept := s.server.handler.Connect(s.ctx, s, c)
	reply := ConnackReply{Code: accept.Code, SessionPresent: accept.SessionPresent}
	Connack.Hit(s.ctx, s.server.options.Points, s.At(StepConnect), &reply)
	if reply.Code != Accepted {
		s.connack(reply)
		return nil, 0, &ending{accepted: accept.Code == Accepted, why: fmt.Sprintf("CONNECT refused with code %d", reply.Code)}
	}
	s.server.enter(s) // [DPS-MQTT-040]
	if err := s.connack(reply); err != nil {
		return nil, 0, &ending{accepted: true, will: c.Will, why: err.Error()}
	}
	s.begin()

	idle = accept.IdleTimeout
	if idle == 0 { // [DPS-MQTT-020] [DPS-MQTT-021]
		idle = c.KeepAlive + c.KeepAlive/2
	}
	return c.Will, idle, nil
}

// readConnect reads the first packet, which must be a CONNECT. [MQTT-3.1.0-1]
func (s *Session) readConnect() (Connect, error) {
	s.readBy(s.server.options.Timeouts.Connect)
	first, err := s.in.from.ReadByte()
	if err != nil {
		return Connect{}, fmt.Errorf("no CONNECT: %w", err)
	}
	if first>>4 != packets.Connect {
		return Connect{}, fmt.Errorf("the first packet is %s, not CONNECT", name(first>>4))
	}
	var pk packets.Packet
	if err := s.in.packet(first, &pk); err != nil {
		return Connect{}, fmt.Errorf("CONNECT: %w", err)
	}
	return connectOf(&pk), nil
}

func (s *Session) connack(reply ConnackReply) error {
	return s.send(&packets.Packet{
		FixedHeader:    packets.FixedHeader{Type: packets.Connack},
		SessionPresent: reply.SessionPresent,
		ReasonCode:     reply.Code,
	})
}

// serve reads packets and acts on them until the session ends. It never returns nil.
func (s *Session) serve(idle time.Duration) error {
	for {
		s.readBy(idle)
		first, err := s.in.from.ReadByte()
		if err != nil {
			if isTimeout(err) {
				err = fmt.Errorf("no packet within %v", idle)
			}
			return err
		}
		s.readBy(s.server.options.Timeouts.Packet)
		if err := s.take(first); err != nil {
			return err
		}
	}
}

// take reads the packet that begins with first and acts on it.
func (s *Session) take(first byte) error {
	var pk packets.Packet
	if err := s.in.packet(first, &pk); err != nil {
		if isTimeout(err) {
			err = fmt.Errorf("it took longer than %v", s.server.options.Timeouts.Packet)
		}
		return fmt.Errorf("%s: %w", name(first>>4), err)
	}
	if err := s.act(&pk); err != nil {
		if errors.Is(err, errDisconnect) {
			return err
		}
		return fmt.Errorf("%s: %w", name(first>>4), err)
	}
	return nil
}

var errDisconnect = errors.New("the client disconnected")

func (s *Session) act(pk *packets.Packet) error {
	switch pk.FixedHeader.Type {
	case packets.Publish:
		return s.published(pk)
	case packets.Puback:
		s.acknowledged(pk.PacketID)
		return nil
	case packets.Subscribe:
		return s.subscribe(pk)
	case packets.Unsubscribe:
		return s.unsubscribe(pk)
	case packets.Pingreq: // [DPS-MQTT-043]
		return s.bare(StepPing, &packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Pingresp}})
	case packets.Disconnect:
		return errDisconnect
	case packets.Connect:
		return s.breach(StepConnect, SecondConnect) // [DPS-MQTT-039]
	default:
		return errors.New("no client of this server has a reason to send it")
	}
}

// breach is the error for a broken rule, unless a plan looks away.
func (s *Session) breach(step, reason string) error {
	b := Breach{Reason: reason}
	Breached.Hit(s.ctx, s.server.options.Points, s.At(step), &b)
	if b.Ignore {
		return nil
	}
	return errors.New(reason)
}

// bare sends a packet that says nothing but that another came.
func (s *Session) bare(step string, pk *packets.Packet) error {
	var reply BareReply
	Bare.Hit(s.ctx, s.server.options.Points, s.At(step), &reply)
	if reply.Drop {
		return nil
	}
	return s.send(pk)
}

func (s *Session) published(pk *packets.Packet) error {
	qos := pk.FixedHeader.Qos
	if qos > 1 { // [DPS-MQTT-033] [DPS-HUB-016]
		if err := s.breach(StepPublish, QoS2); err != nil {
			return err
		}
		qos = 1
	}
	switch {
	case pk.TopicName == "" || strings.ContainsAny(pk.TopicName, "+#"): // [MQTT-3.3.2-2] [MQTT-4.7.3-1]
		return fmt.Errorf("%q is no topic name", pk.TopicName)
	case qos == 1 && pk.PacketID == 0: // [MQTT-2.3.1-1]
		return errors.New("QoS 1 without a packet id")
	}
	then, err := s.server.handler.Publish(s.ctx, s, Publish{
		Topic: pk.TopicName, Payload: pk.Payload, QoS: qos,
		Retain: pk.FixedHeader.Retain, Dup: pk.FixedHeader.Dup,
	})
	if err != nil {
		return err
	}
	if qos == 1 { // [DPS-MQTT-013]: none for QoS 0; [DPS-MQTT-003] [DPS-MQTT-057]: before the answer
		reply := PubackReply{Topic: pk.TopicName}
		Puback.Hit(s.ctx, s.server.options.Points, s.At(StepPublish), &reply)
		if err := s.puback(pk.PacketID, reply); err != nil {
			return err
		}
	}
	if then != nil {
		then()
	}
	return nil
}

func (s *Session) puback(id uint16, reply PubackReply) error {
	switch {
	case reply.Drop:
		return nil
	case reply.AfterAnswer:
		s.writing.Lock()
		defer s.writing.Unlock()
		s.held = append(s.held, id)
		return nil
	default:
		return s.send(puback(id))
	}
}

func (s *Session) subscribe(pk *packets.Packet) error {
	if pk.PacketID == 0 || len(pk.Filters) == 0 { // [MQTT-2.3.1-1] [MQTT-3.8.3-3]
		return errors.New("it needs a packet id and a filter")
	}
	granted := make([]byte, len(pk.Filters))
	for i, f := range pk.Filters {
		var err error
		if granted[i], err = s.server.handler.Subscribe(s.ctx, s, f.Filter, f.Qos); err != nil {
			return err
		}
	}
	reply := SubackReply{Codes: append([]byte(nil), granted...)}
	Suback.Hit(s.ctx, s.server.options.Points, s.At(StepSubscribe), &reply)
	if reply.Drop {
		return nil
	}
	if err := s.send(&packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Suback}, PacketID: pk.PacketID, ReasonCodes: reply.Codes,
	}); err != nil {
		return err
	}
	if s.server.subscribed != nil {
		for i, f := range pk.Filters {
			if granted[i] != SubackFailure {
				s.server.subscribed.Subscribed(s.ctx, s, f.Filter, granted[i])
			}
		}
	}
	return nil
}

func (s *Session) unsubscribe(pk *packets.Packet) error {
	if pk.PacketID == 0 || len(pk.Filters) == 0 { // [MQTT-2.3.1-1] [MQTT-3.10.3-2]
		return errors.New("it needs a packet id and a filter")
	}
	for _, f := range pk.Filters {
		s.server.handler.Unsubscribe(s.ctx, s, f.Filter)
	}
	// [DPS-MQTT-044]
	return s.bare(StepUnsubscribe, &packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Unsuback}, PacketID: pk.PacketID})
}

// isTimeout tells a deadline that passed. Over a WebSocket it cancels a context.
func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, context.Canceled)
}

// name is a packet type's, as the specification writes it.
func name(packetType byte) string { return strings.ToUpper(packets.PacketNames[packetType]) }
