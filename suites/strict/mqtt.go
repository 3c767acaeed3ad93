package strict

import (
	"context"
	"errors"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// mqttScript is how an SDK speaks MQTT (device-api.md 2.2, 2.5, 2.7, 2.9).
type mqttScript struct {
	clientVersion string // the value as it stands in the user name; "" leaves the pair out
	clean         bool
	keepAlive     uint16 // seconds

	subscribeQoS, registerQoS, pollQoS byte
	rid                                func(n int) string // of the nth request, counted from 1
	register, poll                     func(d Device) []byte
	pollTopic                          func(rid, operationID string) string

	path, subprotocol string // over WebSocket

	inOrder     *Rule // each packet has to be the one that is due
	noSession   *Rule // SessionPresent has to be 0
	acknowledge *Rule // answers have to come at QoS 1
	subscribed  *Rule // the subscription has to be granted
	alone       *Rule // no PUBLISH may come but the answer that is due
	unsubscribe *Rule // it unsubscribes at the end, and waits for the UNSUBACK
}

// echoed holds for every client over WebSocket (device-api.md 0.1 item 13).
var echoed = Rule{Words: "the upgrade names the subprotocol as it was offered", MQTT: "DPS-WS-003"}

// rules are those that the script watches over.
func (m mqttScript) rules(over dps.Transport) (rules []Rule) {
	for _, r := range []*Rule{m.inOrder, m.noSession, m.acknowledge, m.subscribed, m.alone, m.unsubscribe} {
		if r != nil {
			rules = append(rules, *r)
		}
	}
	if over == dps.MQTTWebSocket {
		rules = append(rules, echoed)
	}
	return rules
}

// connect is the SDK's CONNECT.
func (s SDK) connect(d Device) *packets.ConnectPacket {
	c := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	c.ProtocolName, c.ProtocolVersion = "MQTT", 4
	c.CleanSession, c.Keepalive = s.mqtt.clean, s.mqtt.keepAlive
	c.ClientIdentifier = d.Identity.RegistrationID
	c.UsernameFlag = true
	c.Username = d.Identity.Scope + "/registrations/" + d.Identity.RegistrationID + "/api-version=" + s.apiVersion
	if s.mqtt.clientVersion != "" {
		c.Username += "&ClientVersion=" + s.mqtt.clientVersion
	}
	if token := s.Token(d); token != "" {
		c.PasswordFlag, c.Password = true, []byte(token)
	}
	return c
}

// dial opens the SDK's connection.
func (r *run) dial(ctx context.Context) (*devwire.PacketConn, error) {
	m := r.sdk.mqtt
	conn, err := r.device.Wire.Packets(ctx, r.over, r.device.Endpoint, devwire.DialOptions{
		Certificate: r.device.Identity.Certificate, MaxVersion: r.sdk.maxTLS, Path: m.path, Subprotocols: []string{m.subprotocol},
	})
	if err != nil {
		var refused *devwire.UpgradeRefused
		if errors.As(err, &refused) {
			return nil, r.complain(r.sdk.session, "the upgrade at %s with subprotocol %s was answered with %d", m.path, m.subprotocol, refused.Status)
		}
		return nil, err
	}
	if got := conn.Subprotocol(); r.over == dps.MQTTWebSocket && got != m.subprotocol {
		conn.Close()
		return nil, r.complain(echoed, "it offered the subprotocol %q and was answered %q", m.subprotocol, got)
	}
	return conn, nil
}

// overMQTT runs the registration on a connection.
func (r *run) overMQTT(ctx context.Context, s packetStream) error {
	m := &session{run: r, script: r.sdk.mqtt, stream: s}
	if err := m.login(ctx); err != nil || r.out.Connack != 0 {
		return err
	}
	if err := m.subscribe(ctx); err != nil {
		return err
	}
	if err := r.follow(ctx, m); err != nil {
		return err
	}
	return m.leave(ctx)
}

// login sends the CONNECT. A refusal is an outcome.
func (s *session) login(ctx context.Context) error {
	if err := s.stream.Send(s.sdk.connect(s.device)); err != nil {
		return err
	}
	cp, err := s.next(ctx, "the CONNACK")
	if err != nil {
		return err
	}
	connack, ok := cp.(*packets.ConnackPacket)
	switch {
	case !ok:
		return s.complain(s.order(), "%s came in place of the CONNACK", name(cp))
	case connack.ReturnCode != packets.Accepted:
		s.out.Connack = connack.ReturnCode
	case connack.SessionPresent && s.script.noSession != nil:
		return s.complain(*s.script.noSession, "the CONNACK says that a session is present")
	}
	return nil
}

func (s *session) subscribe(ctx context.Context) error {
	p := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
	p.MessageID, p.Topics, p.Qoss = s.nextID(), []string{devwire.ResponseFilter}, []byte{s.script.subscribeQoS}
	if err := s.stream.Send(p); err != nil {
		return err
	}
	cp, err := s.await(ctx, packets.Suback, p.MessageID, "the SUBACK")
	if err != nil {
		return err
	}
	for _, code := range cp.(*packets.SubackPacket).ReturnCodes {
		if code > 2 && s.script.subscribed != nil {
			return s.complain(*s.script.subscribed, "the SUBACK has code %#x", code)
		}
	}
	return nil
}

// ask publishes a request and hears its answer.
func (s *session) ask(ctx context.Context, poll bool, operationID string) (Answer, error) {
	s.requests++
	rid := s.script.rid(s.requests)
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Qos, p.Payload = devwire.RegisterTopic(rid), s.script.registerQoS, s.script.register(s.device)
	if poll {
		p.TopicName, p.Qos, p.Payload = s.script.pollTopic(rid, operationID), s.script.pollQoS, s.script.poll(s.device)
	}
	if p.Qos > 0 {
		p.MessageID = s.nextID()
	}
	if err := s.stream.Send(p); err != nil {
		return Answer{}, err
	}
	if p.Qos > 0 && s.script.inOrder != nil {
		if _, err := s.await(ctx, packets.Puback, p.MessageID, "the PUBACK"); err != nil {
			return Answer{}, err
		}
	}
	cp, err := s.await(ctx, packets.Publish, 0, "the answer")
	if err != nil {
		return Answer{}, err
	}
	m := cp.(*packets.PublishPacket)
	if err := s.confirm(m); err != nil {
		return Answer{}, err
	}
	return Answer{Poll: poll, Code: codeOf(m.TopicName), Topic: m.TopicName, RID: rid, Body: m.Payload}, nil
}

// confirm acknowledges an answer at QoS 1.
func (s *session) confirm(m *packets.PublishPacket) error {
	if m.Qos == 0 {
		if s.script.acknowledge != nil {
			return s.complain(*s.script.acknowledge, "the answer came at QoS 0")
		}
		return nil
	}
	ack := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
	ack.MessageID = m.MessageID
	return s.stream.Send(ack)
}

// pause waits before a poll and hears what comes meanwhile.
func (s *session) pause(ctx context.Context, d time.Duration) error {
	if s.script.inOrder != nil && s.sdk.patience > 0 && d >= s.sdk.patience {
		return s.complain(*s.script.inOrder, "it has to wait %s, and closes a connection that is silent for %s", d, s.sdk.patience)
	}
	paused, end := context.WithCancelCause(ctx)
	defer end(nil)
	timer := s.device.clock().AfterFunc(d, func() { end(errPaused) })
	defer timer.Stop()
	for {
		cp, err := s.stream.Next(paused)
		switch {
		case err == nil:
			s.out.Heard = append(s.out.Heard, name(cp))
			if err := s.unasked(cp); err != nil {
				return err
			}
		case errors.Is(context.Cause(paused), errPaused):
			return nil
		case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
			// The connection's own limit for a packet: nothing came, and nothing had to.
		default:
			return s.unheard(ctx, err, "silence before the poll")
		}
	}
}

// errPaused ends the context of a pause.
var errPaused = errors.New("the pause is over")

// leave ends the session as the SDK does (device-api.md 2.7).
func (s *session) leave(ctx context.Context) error {
	if s.script.unsubscribe != nil {
		p := packets.NewControlPacket(packets.Unsubscribe).(*packets.UnsubscribePacket)
		p.MessageID, p.Topics = s.nextID(), []string{devwire.ResponseFilter}
		if err := s.stream.Send(p); err != nil {
			return err
		}
		if _, err := s.await(ctx, packets.Unsuback, p.MessageID, "the UNSUBACK"); err != nil {
			return err
		}
	}
	return s.stream.Send(packets.NewControlPacket(packets.Disconnect))
}
