package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// Packets is an MQTT connection packet by packet, for checks of order, of flags and of
// malformed input. It acknowledges nothing by itself.
type Packets struct {
	*devwire.PacketConn
	t      *T
	env    *Env
	lastID uint16
}

// Packets opens an MQTT connection to ep over the run's transport and sends nothing on it.
func (e *Env) Packets(ctx context.Context, t *T, ep devwire.Endpoint, o devwire.DialOptions) *Packets {
	over := t.mqttTransport()
	conn, err := e.Wire.Packets(ctx, over, ep, o)
	t.Answered(err, "open an mqtt connection over "+over.String())
	t.Cleanup(func(context.Context) { conn.Close() })
	return &Packets{PacketConn: conn, t: t, env: e}
}

// Packets opens an MQTT connection of the device and sends nothing on it.
func (d *Device) Packets(ctx context.Context, t *T) *Packets {
	return d.Service.env.Packets(ctx, t, d.Service.Device, devwire.DialOptions{Certificate: d.Certificate})
}

// Session opens an MQTT connection of the device, logs in and subscribes at that QoS: what
// has to hold before most checks of requests and answers.
func (d *Device) Session(ctx context.Context, t *T, qos byte) *Packets {
	p := d.Packets(ctx, t)
	t.Given(d.RegistrationID+" is connected and subscribed", func() {
		if connack := p.Login(ctx, d.ConnectPacket()); connack.ReturnCode != packets.Accepted {
			t.fail(fmt.Sprintf("CONNACK %d", connack.ReturnCode))
		}
		if code := p.Subscribe(ctx, devwire.ResponseFilter, qos); code > 2 {
			t.fail(fmt.Sprintf("SUBACK %#x", code))
		}
	})
	return p
}

// ConnectPacket is the device's CONNECT, for a check to alter.
func (d *Device) ConnectPacket() *packets.ConnectPacket {
	return d.Service.env.Wire.ConnectPacket(d.Identity)
}

// Write sends a packet. That the connection is gone already is no error here: what the
// target did shows when its side is read.
func (p *Packets) Write(cp packets.ControlPacket) {
	p.t.Step("send %v", packets.PacketNames[kind(cp)])
	if err := p.Send(cp); err != nil {
		p.t.Step("the packet could not be sent: %v", err)
	}
}

// Login sends a CONNECT and returns the CONNACK.
func (p *Packets) Login(ctx context.Context, c *packets.ConnectPacket) *packets.ConnackPacket {
	p.Write(c)
	return Read[*packets.ConnackPacket](ctx, p)
}

// Subscribe subscribes to one filter and returns the code of the SUBACK.
func (p *Packets) Subscribe(ctx context.Context, filter string, qos byte) byte {
	s := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
	s.MessageID, s.Topics, s.Qoss = p.nextID(), []string{filter}, []byte{qos}
	p.Write(s)
	suback := Read[*packets.SubackPacket](ctx, p)
	if suback.MessageID != s.MessageID || len(suback.ReturnCodes) != 1 {
		p.t.fail(fmt.Sprintf("expected a SUBACK with id %d and one code, got %v", s.MessageID, suback))
	}
	return suback.ReturnCodes[0]
}

// Publish sends a PUBLISH and returns it. At QoS 1 the PUBACK is still to be read.
func (p *Packets) Publish(topic string, qos byte, payload []byte) *packets.PublishPacket {
	m := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	m.TopicName, m.Qos, m.Payload = topic, qos, payload
	if qos > 0 {
		m.MessageID = p.nextID()
	}
	p.Write(m)
	return m
}

func (p *Packets) nextID() uint16 {
	p.lastID++
	return p.lastID
}

// Next returns the next packet, whatever it is. That none comes in Timeouts.Answer, or
// that the target closes the connection instead, is a failure.
func (p *Packets) Next(ctx context.Context) packets.ControlPacket {
	ctx, cancel := context.WithTimeout(ctx, p.env.Timeouts.Answer)
	defer cancel()
	cp, err := p.PacketConn.Next(ctx)
	if errors.Is(err, io.EOF) {
		err = errors.New("the target closed the connection instead of answering")
	}
	p.t.Answered(err, "wait for a packet")
	return cp
}

// Read returns the next packet, which has to be of this kind.
func Read[P packets.ControlPacket](ctx context.Context, p *Packets) P {
	cp := p.Next(ctx)
	want, ok := cp.(P)
	if !ok {
		p.t.fail(fmt.Sprintf("expected %T, got %v", want, cp))
	}
	return want
}

// Answer returns the next PUBLISH, whatever acknowledgements come before it.
func (p *Packets) Answer(ctx context.Context) *packets.PublishPacket {
	for {
		switch cp := p.Next(ctx).(type) {
		case *packets.PublishPacket:
			return cp
		case *packets.PubackPacket:
		default:
			p.t.fail(fmt.Sprintf("expected an answer, got %v", cp))
		}
	}
}

// ExpectClosed asserts that the target closes the connection within Timeouts.Close, and
// that until then it sends no packet of the kinds that are refused, by their MQTT numbers.
func (p *Packets) ExpectClosed(ctx context.Context, refused ...byte) {
	ctx, cancel := context.WithTimeout(ctx, p.env.Timeouts.Close)
	defer cancel()
	for {
		cp, err := p.PacketConn.Next(ctx)
		if err != nil {
			p.t.assert(errors.Is(err, io.EOF), fmt.Sprintf("expected the target to close the connection: %v", err))
			return
		}
		for _, k := range refused {
			if kind(cp) == k {
				p.t.fail(fmt.Sprintf("expected the target to close the connection, it sent %v", cp))
			}
		}
	}
}

// ExpectSilence asserts that nothing comes for Timeouts.Silence and that the connection
// stands.
func (p *Packets) ExpectSilence(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, p.env.Timeouts.Silence)
	defer cancel()
	cp, err := p.PacketConn.Next(ctx)
	otherwise := fmt.Sprintf("expected nothing to come, got %v", cp)
	if err != nil {
		otherwise = fmt.Sprintf("expected the connection to stand: %v", err)
	}
	p.t.assert(errors.Is(err, context.DeadlineExceeded), otherwise)
}

// kind is a packet's number in MQTT 3.1.1, section 2.2.1: the high half of its first byte.
func kind(cp packets.ControlPacket) byte {
	var b bytes.Buffer
	if cp.Write(&b) != nil || b.Len() == 0 {
		return 0
	}
	return b.Bytes()[0] >> 4
}

// tryPassword is TryToken over MQTT.
func (d *Device) tryPassword(ctx context.Context, t *T, token string) Reply {
	t.Step("%s tries to register over %s with a token of its own making", d.RegistrationID, t.Transport())
	conn, err := d.Service.env.Wire.Packets(ctx, t.Transport(), d.Service.Device, devwire.DialOptions{Certificate: d.Certificate})
	if err != nil {
		return t.reply(devwire.Answer{}, err)
	}
	defer conn.Close()
	connect := d.ConnectPacket()
	connect.PasswordFlag, connect.Password = token != "", []byte(token)
	subscribe := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
	subscribe.MessageID, subscribe.Topics, subscribe.Qoss = 1, []string{devwire.ResponseFilter}, []byte{1}
	register := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	register.TopicName, register.Qos, register.MessageID = devwire.RegisterTopic("1"), 1, 2
	register.Payload, err = d.Registration(nil)
	t.Must(err, "write the register request")
	for _, cp := range []packets.ControlPacket{connect, subscribe, register} {
		if err := conn.Send(cp); err != nil {
			return t.reply(devwire.Answer{}, err)
		}
		if cp == packets.ControlPacket(register) {
			break
		}
		heard, err := conn.Next(ctx)
		if err != nil {
			return t.reply(devwire.Answer{}, err)
		}
		if connack, ok := heard.(*packets.ConnackPacket); ok && connack.ReturnCode != packets.Accepted {
			return t.reply(devwire.Answer{}, &devwire.ConnectRefused{Code: connack.ReturnCode})
		}
	}
	for {
		heard, err := conn.Next(ctx)
		if err != nil {
			return t.reply(devwire.Answer{}, err)
		}
		if answer, ok := heard.(*packets.PublishPacket); ok {
			a, _, err := devwire.ParseMQTTAnswer(answer.TopicName, answer.Payload)
			return t.reply(a, err)
		}
	}
}
