package strict_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/strict"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// peer is a service at the other end: it answers each packet as reply says.
type peer struct {
	reply  func(cp packets.ControlPacket) []packets.ControlPacket
	queue  []packets.ControlPacket
	sent   []packets.ControlPacket // by the client
	closed bool                    // once the queue is empty
}

func (p *peer) Send(cp packets.ControlPacket) error {
	p.sent = append(p.sent, cp)
	p.queue = append(p.queue, p.reply(cp)...)
	return nil
}

func (p *peer) Next(ctx context.Context) (packets.ControlPacket, error) {
	if len(p.queue) > 0 {
		cp := p.queue[0]
		p.queue = p.queue[1:]
		return cp, nil
	}
	if p.closed {
		return nil, io.EOF
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func packet[P packets.ControlPacket](kind byte, fill func(p P)) packets.ControlPacket {
	cp := packets.NewControlPacket(kind)
	fill(cp.(P))
	return cp
}

func connack(code byte, present bool) packets.ControlPacket {
	return packet(packets.Connack, func(p *packets.ConnackPacket) { p.ReturnCode, p.SessionPresent = code, present })
}

func suback(id uint16, code byte) packets.ControlPacket {
	return packet(packets.Suback, func(p *packets.SubackPacket) { p.MessageID, p.ReturnCodes = id, []byte{code} })
}

func puback(id uint16) packets.ControlPacket {
	return packet(packets.Puback, func(p *packets.PubackPacket) { p.MessageID = id })
}

func publish(qos byte, topic string, body []byte) packets.ControlPacket {
	return packet(packets.Publish, func(p *packets.PublishPacket) {
		p.Qos, p.TopicName, p.Payload, p.MessageID = qos, topic, body, uint16(qos)*9
	})
}

// service answers as the dossier says, with retry-after 0: register with assigning, a poll
// with last.
func service(last []byte) func(cp packets.ControlPacket) []packets.ControlPacket {
	qos := byte(0)
	return func(cp packets.ControlPacket) (replies []packets.ControlPacket) {
		switch cp := cp.(type) {
		case *packets.ConnectPacket:
			replies = append(replies, connack(0, false))
		case *packets.SubscribePacket:
			qos = cp.Qoss[0]
			replies = append(replies, suback(cp.MessageID, qos))
		case *packets.UnsubscribePacket:
			replies = append(replies, packet(packets.Unsuback, func(p *packets.UnsubackPacket) { p.MessageID = cp.MessageID }))
		case *packets.PublishPacket:
			if cp.Qos == 1 {
				replies = append(replies, puback(cp.MessageID))
			}
			_, rid, _ := strings.Cut(cp.TopicName, "$rid=")
			rid, _, polling := strings.Cut(rid, "&")
			if polling {
				return append(replies, publish(qos, "$dps/registrations/res/200/?$rid="+rid, last))
			}
			replies = append(replies, publish(qos, "$dps/registrations/res/202/?$rid="+rid+"&retry-after=0", assigning))
		}
		return replies
	}
}

func device() strict.Device {
	return strict.Device{
		Wire:     &devwire.Wire{},
		Endpoint: devwire.Endpoint{Host: "dps.example", HTTPSPort: 8443},
		Identity: devwire.Identity{Scope: "0ne00DEMO01", RegistrationID: "dev-01", Key: []byte("0123456789abcdef")},
	}
}

func complaint(t *testing.T, err error) *strict.Complaint {
	t.Helper()
	var c *strict.Complaint
	if !errors.As(err, &c) {
		t.Fatalf("got %v, want a complaint", err)
	}
	return c
}

func TestASessionEnds(t *testing.T) {
	for _, sdk := range strict.Over(dps.MQTT) {
		for _, c := range []struct {
			status string
			last   []byte
		}{{"assigned", assigned}, {"failed", failed}, {"disabled", disabled}} {
			t.Run(sdk.Name+" "+c.status, func(t *testing.T) {
				p := &peer{reply: service(c.last)}
				got, err := sdk.On(t.Context(), dps.MQTT, device(), p)
				if c.status == "disabled" && (sdk.Name == strict.Node.Name || sdk.Name == strict.Python.Name) {
					if c := complaint(t, err); c.Requirement != "DPS-MQTT-064" {
						t.Errorf("%v", c)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if got.Status != c.status || got.Refused != 0 || len(got.Answers) != 2 || (got.ErrorCode != 0) != (c.status == "failed") ||
					(got.Hub == "hub-a.azure-devices.net" && got.DeviceID == "dev-01") != (c.status == "assigned") {
					t.Errorf("%+v", got)
				}
				if _, ok := p.sent[len(p.sent)-1].(*packets.DisconnectPacket); !ok {
					t.Errorf("the last packet is %v", p.sent[len(p.sent)-1])
				}
			})
		}
	}
}

func TestARefusalIsAnOutcome(t *testing.T) {
	for _, sdk := range strict.Over(dps.MQTT) {
		p := &peer{reply: func(packets.ControlPacket) []packets.ControlPacket { return []packets.ControlPacket{connack(5, false)} }}
		got, err := sdk.On(t.Context(), dps.MQTT, device(), p)
		if err != nil || got.Connack != 5 || len(p.sent) != 1 {
			t.Errorf("%s: CONNACK 5: %+v, %v, %d packets sent", sdk.Name, got, err, len(p.sent))
		}
		good := service(assigned)
		p = &peer{reply: func(cp packets.ControlPacket) []packets.ControlPacket {
			replies := good(cp)
			if m, ok := cp.(*packets.PublishPacket); ok {
				_, rid, _ := strings.Cut(m.TopicName, "$rid=")
				replies[len(replies)-1] = publish(min(1, sdkQoS(sdk)), "$dps/registrations/res/401/?$rid="+rid, refusal)
			}
			return replies
		}}
		if got, err = sdk.On(t.Context(), dps.MQTT, device(), p); err != nil || got.Refused != 401 || got.Status != "" {
			t.Errorf("%s: 401: %+v, %v", sdk.Name, got, err)
		}
	}
}

func sdkQoS(sdk strict.SDK) byte {
	if sdk.Name == strict.FreeRTOS.Name {
		return 0
	}
	return 1
}

// What comes out of order, too often or not at all, and who minds.
func TestASessionThatIsNotAsItShouldBe(t *testing.T) {
	extra := publish(1, "$dps/registrations/res/202/?$rid=0", assigning)
	// behind adds packets behind the nth packet of the client, before puts them first.
	behind := func(n int, more ...packets.ControlPacket) func() *peer {
		return func() *peer {
			return bent(n, func(r []packets.ControlPacket) []packets.ControlPacket { return append(r, more...) })
		}
	}
	instead := func(n int, others ...packets.ControlPacket) func() *peer {
		return func() *peer { return bent(n, func([]packets.ControlPacket) []packets.ControlPacket { return others }) }
	}
	reversed := func(n int) func() *peer {
		return func() *peer {
			return bent(n, func(r []packets.ControlPacket) []packets.ControlPacket { slices.Reverse(r); return r })
		}
	}
	for _, c := range []struct {
		rule  string
		peer  func() *peer
		sdk   strict.SDK
		wants string // requirement that the complaint names; "": the SDK gets along
	}{
		{"the PUBACK after the answer", reversed(3), strict.CSharp, "DPS-MQTT-057"},
		{"the PUBACK after the answer", reversed(3), strict.Node, ""},
		{"the PUBACK after the answer", reversed(3), strict.Python, ""},
		{"a PINGRESP that nobody asked for", behind(2, packets.NewControlPacket(packets.Pingresp)), strict.CSharp, "DPS-MQTT-057"},
		{"a PINGRESP that nobody asked for", behind(2, packets.NewControlPacket(packets.Pingresp)), strict.Node, ""},
		{"the PUBACK of another packet", instead(3, puback(77)), strict.CSharp, "DPS-MQTT-057"},
		{"the PUBACK twice", instead(3, puback(2), puback(2)), strict.CSharp, "DPS-MQTT-057"},
		{"a SUBACK in place of the CONNACK", instead(1, suback(1, 1)), strict.CSharp, "DPS-MQTT-057"},
		{"a SUBACK in place of the CONNACK", instead(1, suback(1, 1)), strict.EmbeddedC, "DPS-MQTT-062"},
		{"the answer twice", behind(3, extra), strict.CSharp, "DPS-MQTT-057"},
		{"a message before the SUBACK", behind(1, extra), strict.Java, "DPS-MQTT-018"},
		{"the answer twice", behind(3, extra), strict.Java, "DPS-MQTT-018"},
		{"a message before the SUBACK", behind(1, extra), strict.Node, ""},
		{"a session that is present", instead(1, connack(0, true)), strict.CSharp, "DPS-MQTT-002"},
		{"a session that is present", instead(1, connack(0, true)), strict.Python, ""},
		{"a subscription that is refused", instead(2, suback(1, 0x80)), strict.C, "DPS-MQTT-015"},
		{"a subscription that is refused", instead(2, suback(1, 0x80)), strict.Python, ""},
		{"the answer at QoS 0", instead(3, puback(2), publish(0, "$dps/registrations/res/202/?$rid=2&retry-after=0", assigning)), strict.CSharp, "DPS-MQTT-015"},
		{"retry-after of a minute", instead(3, puback(2), publish(1, "$dps/registrations/res/202/?$rid=2&retry-after=60", assigning)), strict.CSharp, "DPS-MQTT-057"},
		{"the connection closed in place of the SUBACK", closing(2), strict.C, "DPS-MQTT-061"},
		{"the connection closed in place of the UNSUBACK", closing(7), strict.Node, "DPS-MQTT-059"},
		{"the connection closed in the pause before the poll", func() *peer {
			p := instead(3, publish(1, "$dps/registrations/res/202/?$rid=1&retry-after=30", assigning))()
			p.closed = true
			return p
		}, strict.EmbeddedC, "DPS-MQTT-062"},
	} {
		t.Run(c.sdk.Name+": "+c.rule, func(t *testing.T) {
			got, err := c.sdk.On(t.Context(), dps.MQTT, device(), c.peer())
			if c.wants == "" {
				if err != nil || got.Status != "assigned" {
					t.Errorf("%+v, %v", got, err)
				}
				return
			}
			if c := complaint(t, err); !strings.Contains(c.Error(), c.SDK) || c.What == "" {
				t.Errorf("%v", c)
			}
			if got := complaint(t, err).Requirement; got != c.wants {
				t.Errorf("the complaint names %s, want %s: %v", got, c.wants, err)
			}
		})
	}
}

// closing is a good service that closes the connection on the client's nth packet.
func closing(n int) func() *peer {
	return func() *peer {
		var p *peer
		p = bent(n, func([]packets.ControlPacket) []packets.ControlPacket {
			p.closed = true
			return nil
		})
		return p
	}
}

// bent is a good service but for what follows the client's nth packet.
func bent(n int, bend func(replies []packets.ControlPacket) []packets.ControlPacket) *peer {
	p := &peer{}
	good := service(assigned)
	p.reply = func(cp packets.ControlPacket) []packets.ControlPacket {
		replies := good(cp)
		if len(p.sent) == n {
			return bend(replies)
		}
		return replies
	}
	return p
}

// The limits are counted on the wire's clock, so nobody has to wait for them.
func TestAClientWaitsAsLongAsItsSDK(t *testing.T) {
	for _, c := range []struct {
		sdk      strict.SDK
		patience time.Duration
	}{{strict.CSharp, time.Minute}, {strict.Java, time.Minute}, {strict.Node, 30 * time.Second}, {strict.Python, 30 * time.Second}} {
		t.Run(c.sdk.Name, func(t *testing.T) {
			frozen := clock.NewMovable(clock.Frozen(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)))
			d := device()
			d.Wire.Clock = frozen
			ended := make(chan error, 1)
			go func() {
				_, err := c.sdk.On(t.Context(), dps.MQTT, d, bent(3, func([]packets.ControlPacket) []packets.ControlPacket { return nil }))
				ended <- err
			}()
			if err := frozen.BlockUntil(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			frozen.Advance(c.patience - time.Nanosecond)
			select {
			case err := <-ended:
				t.Fatalf("it gave up too early: %v", err)
			default:
			}
			frozen.Advance(time.Nanosecond)
			if got := complaint(t, <-ended); got.Requirement != "DPS-MQTT-056" {
				t.Errorf("%v", got)
			}
		})
	}
}

func TestARunThatIsOverIsNoComplaint(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := strict.CSharp.On(ctx, dps.MQTT, device(), &peer{reply: func(packets.ControlPacket) []packets.ControlPacket { return nil }})
	if err == nil || errors.As(err, new(*strict.Complaint)) || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
