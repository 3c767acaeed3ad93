package devwire_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/internal/vectors"
)

func hubIdentity(t *testing.T) devwire.HubIdentity {
	t.Helper()
	return devwire.HubIdentity{DeviceID: vectors.All().Hub.DeviceID, Key: key(t, vectors.All().GroupKeys[0].DeviceKey)}
}

// atHub runs script against a device of a hub.
func atHub(t *testing.T, id devwire.HubIdentity, script func(p *amqpPeer)) (*devwire.AMQPHubDevice, *devwire.Wire, error) {
	t.Helper()
	lab := newLab(t)
	wire := lab.wire()
	device, err := wire.AMQPHubDevice(soon(t), dps.AMQP, endpoint(hubHost, amqpPeers(t, lab, dps.AMQP, script)), id)
	if err == nil {
		t.Cleanup(func() { device.Close() })
	}
	return device, wire, err
}

func connected(t *testing.T, id devwire.HubIdentity, script func(p *amqpPeer)) *devwire.AMQPHubDevice {
	t.Helper()
	device, _, err := atHub(t, id, script)
	must(t, err)
	return device
}

// message takes a transfer and settles it when it is not settled.
func (p *amqpPeer) message() (amqpframe.Message, *amqpframe.Described) {
	f := p.hear("transfer")
	m, err := amqpframe.ParseMessage(f.Payload)
	if err != nil {
		p.t.Error(err)
	}
	if f.Body.Field("settled") != true {
		p.settle(f.Body, accepted)
	}
	return m, f.Body
}

func (p *amqpPeer) settle(transfer, outcome *amqpframe.Described) {
	p.say(amqpframe.On(0, amqpframe.New("disposition", amqpframe.Fields{
		"role": true, "first": transfer.Field("delivery-id"), "settled": true, "state": outcome,
	})))
}

// sendOn sends a message on the client's receiver of that handle.
func (p *amqpPeer) sendOn(handle any, m amqpframe.Message) {
	payload, err := m.Encode()
	if err != nil {
		p.t.Error(err)
	}
	p.say(amqpframe.On(0, amqpframe.New("transfer", amqpframe.Fields{
		"handle": handle, "delivery-id": int(p.next), "delivery-tag": []byte{byte(p.next)}, "message-format": 0, "settled": true,
	}), payload))
	p.next++
}

// cbs takes a token and answers with a status, with the request's message-id or another.
func (p *amqpPeer) cbs(status any, correlation func(id any) any) amqpframe.Message {
	names := vectors.All().Hub.AMQP.CBS
	sender, receiver := p.attach(), p.attach()
	if sender.Inner("target").Text("address") != names.Address || receiver.Inner("source").Text("address") != names.Address {
		p.t.Errorf("links %s, %s", sender, receiver)
	}
	m, _ := p.message()
	p.sendOn(receiver.Field("handle"), amqpframe.Message{
		amqpframe.New("properties", amqpframe.Fields{"correlation-id": correlation(m.Property("message-id"))}),
		amqpframe.Application(names.StatusCodeProperty, status, names.StatusDescriptionProperty, "said"),
	})
	return m
}

func same(id any) any { return id }

func TestDeviceAtItsHubOverAMQP(t *testing.T) {
	names := vectors.All().Hub.AMQP
	for _, style := range devwire.HubAMQPStyles() {
		t.Run(style.Name, func(t *testing.T) {
			id := hubIdentity(t)
			id.AMQP = style
			device := connected(t, id, func(p *amqpPeer) {
				switch style.SASL {
				case devwire.NoSASL:
				case "PLAIN":
					_, response := p.sasl(0, names.Mechanisms...)
					if !strings.HasPrefix(response, "\x00"+names.PlainUser+"\x00SharedAccessSignature sr="+vectors.All().Hub.SASResource+"&") {
						t.Errorf("PLAIN %q", response)
					}
				default:
					if mechanism, _ := p.sasl(0, names.Mechanisms...); mechanism != style.SASL {
						t.Errorf("SASL %s", mechanism)
					}
				}
				p.begin()
				if style.SASL != "PLAIN" {
					m := p.cbs(int32(200), same)
					body, _ := m.Section("amqp-value").Value.(string)
					name, _ := m.Application("name")
					operation, _ := m.Application("operation")
					kind, _ := m.Application("type")
					_, isUUID := m.Property("message-id").(amqpframe.UUID)
					audience := map[bool]string{true: names.CBS.Audience, false: vectors.All().Hub.SASResource}[style.BareHost]
					if !strings.HasPrefix(body, "SharedAccessSignature sr="+vectors.All().Hub.SASResource+"&") || operation != names.CBS.Operation ||
						kind != names.CBS.Type || name != audience || isUUID != style.UUIDs ||
						m.Property("to") != names.CBS.Address || m.Property("reply-to") != names.CBS.ReplyTo {
						t.Errorf("put %s", m)
					}
				}
				telemetry := p.attach()
				want := names.TelemetryAddress
				if style.Absolute {
					want = "amqps://" + hubHost + want
				}
				if got := telemetry.Inner("target").Text("address"); got != want {
					t.Errorf("telemetry to %s, want %s", got, want)
				}
				m, _ := p.message()
				zone, _ := m.Application("zone")
				if string(m.Data()[0]) != "{}" || m.Property("content-type") != amqpframe.Symbol("application/json") || m.Property("message-id") != "7" || zone != "a b" {
					t.Errorf("telemetry %s", m)
				}
				p.goodbye()
			})
			must(t, device.SendTelemetry(soon(t), []byte("{}"), vectors.All().Hub.Telemetry.Properties))
			device.Close()
			<-device.Lost()
		})
	}
}

func TestX509DeviceAtItsHubOverAMQP(t *testing.T) {
	certificate, err := pki.SelfSigned("d1", pki.Options{Now: noon})
	must(t, err)
	device := connected(t, devwire.HubIdentity{DeviceID: "d1", Certificate: &certificate}, func(p *amqpPeer) {
		p.begin()
		p.attach()
		p.goodbye()
	})
	device.Close()
}

func TestATokenThatAHubDoesNotTake(t *testing.T) {
	for name, tc := range map[string]struct {
		status    any
		id        func(any) any
		malformed bool
	}{
		"401":                       {int32(401), same, false},
		"a status that is a long":   {int64(200), same, true},
		"another correlation-id":    {int32(200), func(any) any { return "x" }, true},
		"its correlation-id binary": {int32(200), func(id any) any { return []byte(id.(string)) }, true},
	} {
		_, _, err := atHub(t, hubIdentity(t), func(p *amqpPeer) {
			p.begin()
			p.cbs(tc.status, tc.id)
			io.Copy(io.Discard, p.rw)
		})
		var refused *devwire.TokenRefused
		var malformed *devwire.Malformed
		if errors.As(err, &malformed) != tc.malformed || errors.As(err, &refused) == tc.malformed || refused != nil && (refused.Status != 401 || refused.Description != "said") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTelemetryThatAHubRejects(t *testing.T) {
	device := connected(t, hubIdentity(t), func(p *amqpPeer) {
		p.begin()
		p.cbs(int32(200), same)
		p.attach()
		f := p.hear("transfer")
		p.settle(f.Body, rejection("com.microsoft:device-container-throttled", `{"errorCode":429001,"message":"m"}`))
		f = p.hear("transfer")
		p.settle(f.Body, rejection("amqp:resource-limit-exceeded", ""))
		f = p.hear("transfer")
		p.settle(f.Body, amqpframe.New("released", nil))
		p.goodbye()
	})
	var refused *devwire.HubError
	if err := device.SendTelemetry(soon(t), nil, nil); !errors.As(err, &refused) || refused.Status != 429 || refused.Document.ErrorCode != 429001 {
		t.Errorf("throttled: %v", err)
	}
	if err := device.SendTelemetry(soon(t), nil, nil); !errors.As(err, &refused) || refused.Status != 403 || refused.Condition != "amqp:resource-limit-exceeded" {
		t.Errorf("over its quota: %v", err)
	}
	var malformed *devwire.Malformed
	if err := device.SendTelemetry(soon(t), nil, nil); !errors.As(err, &malformed) {
		t.Errorf("released: %v", err)
	}
}

// twinLinks takes the pair of links to the twin.
func (p *amqpPeer) twinLinks() (receiver *amqpframe.Described) {
	names := vectors.All().Hub.AMQP
	receiver, sender := p.attach(), p.attach()
	value := func(link *amqpframe.Described) any {
		properties, _ := link.Field("properties").(amqpframe.Map)
		v, _ := properties.Get(amqpframe.Symbol(names.ChannelCorrelationProperty))
		return v
	}
	if receiver.Inner("source").Text("address") != names.TwinAddress || sender.Inner("target").Text("address") != names.TwinAddress ||
		value(receiver) == nil || value(receiver) != value(sender) || !strings.HasPrefix(value(sender).(string), "twin:") ||
		sender.Field("snd-settle-mode") != uint8(1) || receiver.Field("snd-settle-mode") != uint8(1) {
		p.t.Errorf("links %s, %s", receiver, sender)
	}
	return receiver
}

// twinRequest takes a request with these annotations, and answers it.
func (p *amqpPeer) twinRequest(receiver *amqpframe.Described, operation string, resource any, body string, annotations ...any) {
	names := vectors.All().Hub.AMQP.Twin
	m, transfer := p.message()
	gotOperation, _ := m.Annotation(names.OperationAnnotation)
	gotResource, _ := m.Annotation(names.ResourceAnnotation)
	if gotOperation != operation || gotResource != resource || transfer.Field("settled") != true {
		p.t.Errorf("asked the twin with %s in %s", m, transfer)
	}
	p.sendOn(receiver.Field("handle"), amqpframe.Message{
		amqpframe.Annotations(annotations...),
		amqpframe.New("properties", amqpframe.Fields{"correlation-id": m.Property("correlation-id")}), amqpframe.Data(body),
	})
}

func TestTwinOverAMQP(t *testing.T) {
	names := vectors.All().Hub.AMQP.Twin
	device := connected(t, hubIdentity(t), func(p *amqpPeer) {
		p.begin()
		p.cbs(int32(200), same)
		p.attach()
		twin := p.twinLinks()
		p.twinRequest(twin, names.Get, nil, `{"desired":{"$version":4},"reported":{"$version":9,"a":1}}`, "status", int32(200))
		p.twinRequest(twin, names.Patch, names.ReportedResource, "", "status", int32(204), "version", int64(10))
		p.twinRequest(twin, names.Put, names.NotificationsResource, "", "status", int32(204))
		for _, patch := range []string{`{"b":1,"$version":5}`, `{"b":2,"$version":6}`} {
			p.sendOn(twin.Field("handle"), amqpframe.Message{amqpframe.Annotations("resource", names.DesiredResource, "version", int64(5)), amqpframe.Data(patch)})
		}
		p.twinRequest(twin, names.Get, nil, `{"errorCode":429001,"message":"m"}`, "status", int32(429))
		p.twinRequest(twin, names.Get, nil, ``, "status", int64(200))
		p.twinRequest(twin, names.Patch, names.ReportedResource, ``, "status", int32(204), "version", int32(10))
		p.goodbye()
	})
	twin, err := device.Twin(soon(t))
	if err != nil || twin.DesiredVersion != 4 || twin.ReportedVersion != 9 {
		t.Errorf("%+v, %v", twin, err)
	}
	if version, err := device.Report(soon(t), map[string]int{"a": 2}); err != nil || version != 10 {
		t.Errorf("version %d, %v", version, err)
	}
	desired, err := device.Desired(soon(t))
	must(t, err)
	for _, want := range []string{`{"b":1,"$version":5}`, `{"b":2,"$version":6}`} {
		select {
		case patch := <-desired:
			if string(patch) != want {
				t.Errorf("desired %s, want %s", patch, want)
			}
		case <-soon(t).Done():
			t.Fatal("no notification came")
		}
	}
	var refused *devwire.HubError
	if _, err := device.Twin(soon(t)); !errors.As(err, &refused) || refused.Status != 429 || refused.Document.ErrorCode != 429001 {
		t.Errorf("throttled: %v", err)
	}
	var malformed *devwire.Malformed
	if _, err := device.Twin(soon(t)); !errors.As(err, &malformed) {
		t.Errorf("a status that is a long: %v", err)
	}
	if _, err := device.Report(soon(t), map[string]int{}); !errors.As(err, &malformed) {
		t.Errorf("a version that is an int: %v", err)
	}
}

func TestMethodsOverAMQP(t *testing.T) {
	names := vectors.All().Hub.AMQP
	answered := make(chan amqpframe.Message, 2)
	device := connected(t, hubIdentity(t), func(p *amqpPeer) {
		p.begin()
		p.cbs(int32(200), same)
		p.attach()
		sender, receiver := p.attach(), p.attach()
		if receiver.Inner("source").Text("address") != names.MethodsAddress || sender.Inner("target").Text("address") != names.MethodsAddress {
			t.Errorf("links %s, %s", receiver, sender)
		}
		for _, name := range []string{"reboot", "odd"} {
			p.sendOn(receiver.Field("handle"), amqpframe.Message{amqpframe.Application(names.MethodNameProperty, name), amqpframe.Data("no id")})
			p.sendOn(receiver.Field("handle"), amqpframe.Message{
				amqpframe.New("properties", amqpframe.Fields{"correlation-id": amqpframe.UUID{1, 2}}),
				amqpframe.Application(names.MethodNameProperty, name), amqpframe.Data(`{"in":1}`),
			})
			m, _ := p.message()
			answered <- m
		}
		p.goodbye()
	})
	must(t, device.HandleMethods(func(name string, payload json.RawMessage) (int, any) {
		if string(payload) != `{"in":1}` {
			t.Errorf("%s with %s", name, payload)
		}
		if name == "odd" {
			return 200, func() {} // which JSON has no word for
		}
		return 201, map[string]string{"did": name}
	}))
	for _, want := range []struct {
		status int32
		body   string
	}{{201, `{"did":"reboot"}`}, {500, ""}} {
		var m amqpframe.Message
		select {
		case m = <-answered:
		case <-soon(t).Done():
			t.Fatal("no answer came")
		}
		status, _ := m.Application(names.MethodStatusProperty)
		if status != want.status || m.Property("correlation-id") != (amqpframe.UUID{1, 2}) || !reflect.DeepEqual(m.Data(), [][]byte{[]byte(want.body)}) {
			t.Errorf("answered %s", m)
		}
	}
}

func TestAHubThatEndsWhileItIsAsked(t *testing.T) {
	device := connected(t, hubIdentity(t), func(p *amqpPeer) {
		p.begin()
		p.cbs(int32(200), same)
		p.attach()
		p.twinLinks()
		p.message()
	})
	if _, err := device.Twin(soon(t)); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	<-device.Lost()
	short, cancel := contextFor(50 * time.Millisecond)
	defer cancel()
	if err := device.SendTelemetry(short, nil, nil); err == nil {
		t.Error("telemetry went nowhere")
	}
}

func TestATPMSignsAtTheHub(t *testing.T) {
	_, module := tpmIdentity(t)
	module.key = []byte("the hub's key")
	want := devwire.HubIdentity{DeviceID: "d1", Key: module.key}.Token(hubHost, noon)
	device := connected(t, devwire.HubIdentity{DeviceID: "d1", TPM: module}, func(p *amqpPeer) {
		p.begin()
		if m := p.cbs(int32(200), same); m.Section("amqp-value").Value != want {
			t.Error("the token is not by the TPM's key")
		}
		p.attach()
		p.goodbye()
	})
	device.Close()
}
