package devwire_test

import (
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

const (
	register = "iotdps-register"
	poll     = "iotdps-get-operationstatus"
)

func TestDeviceOverAMQP(t *testing.T) {
	overAMQP(t, func(t *testing.T, over dps.Transport) {
		lab := newLab(t)
		names := vectors.All().AMQP
		port := amqpPeers(t, lab, over, func(p *amqpPeer) {
			mechanism, response := p.sasl(0, "PLAIN", "EXTERNAL")
			if mechanism != "PLAIN" || !strings.HasPrefix(response, "\x00"+names.Address+"\x00SharedAccessSignature sr=0ne00DEMO01%2Fregistrations%2Fdev-01&sig=") {
				t.Errorf("SASL %s %q", mechanism, response)
			}
			if open := p.begin(); open.Text("hostname") != serviceHost || open.Text("container-id") == "" {
				t.Errorf("%s", open)
			}
			receiver, sender := p.links()
			if receiver.Field("role") != true || receiver.Inner("source").Text("address") != names.Address ||
				sender.Field("role") != false || sender.Inner("target").Text("address") != names.Address {
				t.Errorf("links %s, %s", receiver, sender)
			}
			for _, link := range []*amqpframe.Described{receiver, sender} {
				want := amqpframe.Map{{Key: amqpframe.Symbol(names.APIVersionProperty), Value: "2019-03-31"}}
				if got := link.Field("properties"); !reflect.DeepEqual(got, want) {
					t.Errorf("link properties %v", got)
				}
			}
			m, _ := p.request(names.RegisterOperation, accepted)
			if got := m.Data(); len(got) != 1 || string(got[0]) != `{"registrationId":"dev-01","payload":{"a":1}}` {
				t.Errorf("registered with %s", m)
			}
			if _, isString := m.Property("correlation-id").(string); !isString {
				t.Errorf("correlation-id of %s", m)
			}
			p.answer(m, assigning, names.RetryAfterProperty, int32(3))
			m, _ = p.request(names.PollOperation, accepted)
			if got, _ := m.Application(names.OperationIDProperty); got != operation {
				t.Errorf("polled %v", got)
			}
			p.answer(m, assigned(t))
			p.goodbye()
		})
		wire := lab.wire()
		device, err := wire.Device(soon(t), over, endpoint(serviceHost, port), testIdentity(t))
		if err != nil {
			t.Fatal(err)
		}
		a := provision(t, wire, device, json.RawMessage(`{"a":1}`), 3*time.Second)
		if a.Status != dps.StatusAssigned || a.Code != 200 || a.State.DeviceID != "dev-01" {
			t.Errorf("%s", a)
		}
		if err := device.Close(); err != nil {
			t.Error(err)
		}
		<-device.(*devwire.AMQPDevice).Lost()
		for _, e := range told(wire) {
			if e.Protocol == "amqp" && e.Registration != "dev-01" {
				t.Errorf("recorded without its registration: %+v", e)
			}
		}
	})
}

// What each SDK spells differently must go out as its style says.
func TestStylesAreSpelledAsTheSDKs(t *testing.T) {
	const docs = `{"registrationId":"dev-01"}`
	for _, want := range []struct {
		style, hostname, address, receiver, sender string
		path                                       string
		register, poll                             amqpframe.Message // bodies
		correlation                                string
		force                                      any
		tag                                        int
	}{
		{style: "C", hostname: serviceHost, address: "amqps://" + serviceHost + "/0ne00DEMO01/registrations/dev-01",
			receiver: "recv_link", sender: "sender_link", path: "/$iothub/websocket",
			register: amqpframe.Message{amqpframe.Data(docs)}, poll: amqpframe.Message{amqpframe.Data(docs)}, correlation: "none", tag: 8},
		{style: "C#", hostname: serviceHost, address: "0ne00DEMO01/registrations/dev-01", path: "/",
			register: amqpframe.Message{amqpframe.Data("")}, poll: amqpframe.Message{amqpframe.Value(poll)}, correlation: "same", force: false, tag: 16},
		{style: "Java", hostname: serviceHost + ":", address: "/0ne00DEMO01/registrations/dev-01",
			receiver: "provision_receiver_link", sender: "provision_sender_link", path: "/$iothub/websocket?iothub-no-client-cert=true",
			register: amqpframe.Message{amqpframe.Data(docs)}, correlation: "none", tag: 1},
		{style: "Node", hostname: serviceHost, address: "0ne00DEMO01/registrations/dev-01", path: "/$iothub/websocket",
			register: amqpframe.Message{amqpframe.Data(docs)}, poll: amqpframe.Message{amqpframe.Value("")}, correlation: "new", force: false, tag: 8},
	} {
		t.Run(want.style, func(t *testing.T) {
			lab := newLab(t)
			body := func(m amqpframe.Message) (sections amqpframe.Message) {
				for _, s := range m {
					if s.Name() == "data" || s.Name() == "amqp-value" {
						sections = append(sections, s)
					}
				}
				return sections
			}
			port := amqpPeers(t, lab, dps.AMQP, func(p *amqpPeer) {
				p.sasl(0, "PLAIN")
				if open := p.begin(); !strings.HasPrefix(open.Text("hostname"), want.hostname) {
					t.Errorf("hostname %q", open.Text("hostname"))
				}
				receiver, sender := p.links()
				if receiver.Inner("source").Text("address") != want.address || sender.Inner("target").Text("address") != want.address ||
					want.receiver != "" && (receiver.Text("name") != want.receiver || sender.Text("name") != want.sender) {
					t.Errorf("links %s, %s", receiver, sender)
				}
				first, transfer := p.request(register, accepted)
				force, _ := first.Application("iotdps-forceRegistration")
				if !reflect.DeepEqual(body(first), want.register) || force != want.force || len(transfer.Field("delivery-tag").([]byte)) != want.tag {
					t.Errorf("registered with %s in %s", first, transfer)
				}
				p.answer(first, assigning)
				second, _ := p.request(poll, accepted)
				if !reflect.DeepEqual(body(second), want.poll) {
					t.Errorf("polled with %s", second)
				}
				a, b := first.Property("correlation-id"), second.Property("correlation-id")
				if got := map[bool]string{true: "none", false: "new"}[a == nil && b == nil]; got != want.correlation && (a == nil || a != b || want.correlation != "same") {
					t.Errorf("correlation-ids %v and %v, want %s", a, b, want.correlation)
				}
				p.answer(second, assigned(t))
				p.goodbye()
			})
			id := testIdentity(t)
			for _, s := range devwire.AMQPStyles() {
				if s.Name == want.style {
					id.AMQP = s
				}
			}
			if path := id.AMQP.Path; path != want.path && (path != "" || want.path != "/$iothub/websocket") {
				t.Errorf("path %q", path)
			}
			device, err := lab.wire().Device(soon(t), dps.AMQP, endpoint(serviceHost, port), id)
			if err != nil {
				t.Fatal(err)
			}
			defer device.Close()
			if a, err := device.Register(soon(t), nil); err != nil || a.Code != 202 {
				t.Fatalf("%s, %v", a, err)
			}
			if a, err := device.Poll(soon(t), operation); err != nil || a.Code != 200 {
				t.Errorf("%s, %v", a, err)
			}
		})
	}
}

func TestX509DeviceSpeaksAMQPAtOnce(t *testing.T) {
	certificate, err := pki.SelfSigned("dev-01", pki.Options{Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	for _, sasl := range []string{"", "EXTERNAL", "ANONYMOUS"} {
		lab := newLab(t)
		port := amqpPeers(t, lab, dps.AMQP, func(p *amqpPeer) {
			if sasl != "" {
				if mechanism, _ := p.sasl(0, "ANONYMOUS", "EXTERNAL"); mechanism != sasl {
					t.Errorf("SASL %s, want %s", mechanism, sasl)
				}
			}
			p.begin()
			p.links()
			p.goodbye()
		})
		id := devwire.Identity{Scope: "0ne00DEMO01", RegistrationID: "dev-01", Certificate: &certificate, AMQP: devwire.AMQPStyle{SASL: sasl}}
		device, err := lab.wire().Device(soon(t), dps.AMQP, endpoint(serviceHost, port), id)
		if err != nil {
			t.Fatalf("sasl %q: %v", sasl, err)
		}
		device.Close()
	}
}

func TestSASLThatIsRefused(t *testing.T) {
	overAMQP(t, func(t *testing.T, over dps.Transport) {
		for name, tc := range map[string]struct {
			script  func(p *amqpPeer)
			code    byte
			offered int
		}{
			"code 1":                     {func(p *amqpPeer) { p.sasl(1, "PLAIN") }, 1, 0},
			"code 4":                     {func(p *amqpPeer) { p.sasl(4, "PLAIN") }, 4, 0},
			"code of nobody":             {func(p *amqpPeer) { p.sasl(99, "PLAIN") }, 99, 0},
			"the mechanism is not there": {func(p *amqpPeer) { offer(p, "EXTERNAL", "TPM") }, 0, 2},
		} {
			lab := newLab(t)
			port := amqpPeers(t, lab, over, tc.script)
			_, err := lab.wire().Device(soon(t), over, endpoint(serviceHost, port), testIdentity(t))
			var refused *devwire.SASLRefused
			if !errors.As(err, &refused) || refused.Code != tc.code || len(refused.Offered) != tc.offered || refused.Mechanism != "PLAIN" {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func offer(p *amqpPeer, mechanisms ...string) {
	p.layer(amqpframe.HeaderSASL)
	p.say(amqpframe.SASL(amqpframe.New("sasl-mechanisms", amqpframe.Fields{"sasl-server-mechanisms": mechanisms})))
}

func TestARejectionIsAnAnswer(t *testing.T) {
	const document = `{"errorCode":429001,"trackingId":"t","message":"throttled"}`
	for name, info := range map[string][]any{
		"retry-after as Node reads it": {"retry-after", int32(5)},
		"retry-after as a string":      {"retry-after", "5"},
		"Retry-After as C# reads it":   {"Retry-After", int64(5)},
	} {
		lab := newLab(t)
		port := amqpPeers(t, lab, dps.AMQP, func(p *amqpPeer) {
			p.login()
			p.request(register, rejection("com.microsoft:device-container-throttled", document, info...))
			p.goodbye()
		})
		device, err := lab.wire().Device(soon(t), dps.AMQP, endpoint(serviceHost, port), testIdentity(t))
		if err != nil {
			t.Fatal(err)
		}
		a, err := device.Register(soon(t), nil)
		if err != nil || a.Code != 429 || a.Error.ErrorCode != 429001 || a.RetryAfter != 5*time.Second || !a.HasRetryAfter ||
			a.Condition != "com.microsoft:device-container-throttled" || string(a.Raw) != document {
			t.Errorf("%s: %s, %v", name, a, err)
		}
		device.Close()
	}
}

func TestLinksThatAreRefused(t *testing.T) {
	const document = `{"errorCode":401002,"trackingId":"t","message":"Unauthorized"}`
	reason := amqpframe.New("error", amqpframe.Fields{"condition": "amqp:unauthorized-access", "description": document})
	for by, script := range map[string]func(p *amqpPeer){
		"detach": func(p *amqpPeer) {
			p.sasl(0, "PLAIN")
			p.begin()
			asked := p.hear("attach").Body
			p.say(amqpframe.On(0, amqpframe.New("attach", amqpframe.Fields{
				"name": asked.Text("name"), "handle": asked.Field("handle"), "role": false, "initial-delivery-count": 0,
			})), amqpframe.On(0, amqpframe.New("detach", amqpframe.Fields{"handle": asked.Field("handle"), "closed": true, "error": reason})))
			io.Copy(io.Discard, p.rw)
		},
		"close": func(p *amqpPeer) {
			p.sasl(0, "PLAIN")
			p.begin()
			p.hear("attach")
			p.say(amqpframe.On(0, amqpframe.New("close", amqpframe.Fields{"error": reason})))
			io.Copy(io.Discard, p.rw)
		},
		"end": func(p *amqpPeer) {
			p.sasl(0, "PLAIN")
			p.begin()
			p.hear("attach")
			p.say(amqpframe.On(0, amqpframe.New("end", amqpframe.Fields{"error": reason})))
			io.Copy(io.Discard, p.rw)
		},
	} {
		lab := newLab(t)
		port := amqpPeers(t, lab, dps.AMQP, script)
		_, err := lab.wire().Device(soon(t), dps.AMQP, endpoint(serviceHost, port), testIdentity(t))
		var refused *devwire.AMQPError
		if !errors.As(err, &refused) || refused.By != by || refused.Condition != "amqp:unauthorized-access" || refused.Code() != 401 ||
			refused.Document == nil || refused.Document.ErrorCode != 401002 {
			t.Errorf("%s: %v", by, err)
		}
	}
}

// What a broken server may send must come back as an error that says so.
func TestBrokenAMQPServersAreToldApart(t *testing.T) {
	answer := func(send func(p *amqpPeer, m amqpframe.Message)) func(*amqpPeer) {
		return func(p *amqpPeer) {
			p.login()
			m, _ := p.request(register, accepted)
			send(p, m)
			io.Copy(io.Discard, p.rw)
		}
	}
	outcome := func(state *amqpframe.Described) func(*amqpPeer) {
		return func(p *amqpPeer) {
			p.login()
			p.request(register, state)
			io.Copy(io.Discard, p.rw)
		}
	}
	correlated := func(m amqpframe.Message, sections ...*amqpframe.Described) amqpframe.Message {
		return append(amqpframe.Message{amqpframe.New("properties", amqpframe.Fields{"correlation-id": m.Property("correlation-id")})}, sections...)
	}
	for name, tc := range map[string]struct {
		script    func(p *amqpPeer)
		malformed bool
		want      string
	}{
		"closes instead of SASL":     {func(p *amqpPeer) { p.hear("header") }, false, "closed"},
		"another header than SASL's": {func(p *amqpPeer) { p.hear("header"); p.say(amqpframe.Layer(amqpframe.HeaderAMQP)) }, true, "SASL"},
		"a challenge in PLAIN":       {func(p *amqpPeer) { offer(p, "PLAIN"); p.hear("sasl-init"); p.challenge("?"); io.Copy(io.Discard, p.rw) }, true, "challenge"},
		"an outcome without a code": {func(p *amqpPeer) {
			offer(p, "PLAIN")
			p.hear("sasl-init")
			p.say(amqpframe.SASL(amqpframe.New("sasl-outcome", nil)))
		}, true, "code"},
		"HTTP instead of SASL":          {func(p *amqpPeer) { p.hear("header"); io.WriteString(p.rw, "HTTP/1.1 400 Bad Request\r\n") }, true, "bytes"},
		"closes instead of an open":     {func(p *amqpPeer) { p.sasl(0, "PLAIN"); p.layer(amqpframe.HeaderAMQP); p.hear("open") }, false, "ended the connection"},
		"a frame of 4 GB":               {answer(func(p *amqpPeer, _ amqpframe.Message) { p.rw.Write([]byte{0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0}) }), true, "bytes"},
		"a frame that is no value":      {answer(func(p *amqpPeer, _ amqpframe.Message) { p.rw.Write([]byte{0, 0, 0, 9, 2, 0, 0, 0, 0x46}) }), true, "constructor"},
		"closes instead of an answer":   {func(p *amqpPeer) { p.login(); p.request(register, accepted) }, false, "ended the connection"},
		"released":                      {outcome(amqpframe.New("released", nil)), true, "outcome"},
		"rejected without an error":     {outcome(amqpframe.New("rejected", nil)), true, "without an error"},
		"rejected without a document":   {outcome(rejection("amqp:not-found", "gone")), true, "JSON"},
		"rejected without an errorCode": {outcome(rejection("amqp:not-found", `{"message":"gone"}`)), true, "errorCode"},
		"rejected without a condition":  {outcome(rejection("", `{"errorCode":404201}`)), true, "condition"},
		"another correlation-id":        {answer(func(p *amqpPeer, m amqpframe.Message) { p.send(1<<16, amqpframe.Message{amqpframe.Data(assigning)}) }), true, "correlation-id"},
		"the correlation-id as a symbol": {answer(func(p *amqpPeer, m amqpframe.Message) {
			p.send(1<<16, amqpframe.Message{amqpframe.New("properties", amqpframe.Fields{"correlation-id": []byte(m.Section("properties").Text("correlation-id"))}), amqpframe.Data(assigning)})
		}), true, "correlation-id"},
		"a value instead of data": {answer(func(p *amqpPeer, m amqpframe.Message) { p.send(1<<16, correlated(m, amqpframe.Value(assigning))) }), true, "data section"},
		"two data sections": {answer(func(p *amqpPeer, m amqpframe.Message) {
			p.send(1<<16, correlated(m, amqpframe.Data(assigning), amqpframe.Data("")))
		}), true, "2 data sections"},
		"no body":                          {answer(func(p *amqpPeer, m amqpframe.Message) { p.send(1<<16, correlated(m)) }), true, "0 data sections"},
		"an answer without a status":       {answer(func(p *amqpPeer, m amqpframe.Message) { p.answer(m, `{"operationId":"1"}`) }), true, "status"},
		"a retry-after that C cannot read": {answer(func(p *amqpPeer, m amqpframe.Message) { p.answer(m, assigning, "retry-after", int64(3)) }), true, "retry-after"},
	} {
		t.Run(name, func(t *testing.T) {
			lab := newLab(t)
			port := amqpPeers(t, lab, dps.AMQP, tc.script)
			device, err := lab.wire().Device(soon(t), dps.AMQP, endpoint(serviceHost, port), testIdentity(t))
			if err == nil {
				_, err = device.Register(soon(t), nil)
				device.Close()
			}
			var malformed *devwire.Malformed
			if err == nil || errors.As(err, &malformed) != tc.malformed || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func (p *amqpPeer) challenge(b string) {
	p.say(amqpframe.SASL(amqpframe.New("sasl-challenge", amqpframe.Fields{"challenge": []byte(b)})))
}

// An answer that comes after its request was given up disturbs nobody who can tell it
// apart, and nobody else goes on.
func TestALateAMQPAnswer(t *testing.T) {
	for _, correlation := range []devwire.AMQPCorrelation{
		devwire.CorrelationString, devwire.CorrelationUUID, devwire.CorrelationUlong, devwire.CorrelationBinary,
		devwire.CorrelationNone, devwire.CorrelationSession,
	} {
		lab := newLab(t)
		late := make(chan struct{})
		port := amqpPeers(t, lab, dps.AMQP, func(p *amqpPeer) {
			p.login()
			first, _ := p.request(register, accepted)
			<-late
			if correlation == devwire.CorrelationNone || correlation == devwire.CorrelationSession {
				p.goodbye()
				return
			}
			second, _ := p.request(poll, accepted)
			p.answer(first, assigning)
			p.answer(second, assigned(t))
			p.goodbye()
		})
		id := testIdentity(t)
		id.AMQP.Correlation = correlation
		device, err := lab.wire().Device(soon(t), dps.AMQP, endpoint(serviceHost, port), id)
		if err != nil {
			t.Fatal(err)
		}
		short, cancel := contextFor(50 * time.Millisecond)
		if a, err := device.Register(short, nil); err == nil {
			t.Fatalf("an answer came from nowhere: %s", a)
		}
		cancel()
		close(late)
		a, err := device.Poll(soon(t), operation)
		switch correlation {
		case devwire.CorrelationNone, devwire.CorrelationSession:
			if err == nil || !strings.Contains(err.Error(), "connect anew") {
				t.Errorf("correlation %d: %s, %v", correlation, a, err)
			}
		default:
			if err != nil || a.Status != dps.StatusAssigned {
				t.Errorf("correlation %d: %s, %v", correlation, a, err)
			}
		}
		device.Close()
	}
}

func TestASilentAMQPServerIsLeft(t *testing.T) {
	silent := func(p *amqpPeer) { io.Copy(io.Discard, p.rw) }
	for name, script := range map[string]func(p *amqpPeer){
		"before SASL":        silent,
		"before the outcome": func(p *amqpPeer) { offer(p, "PLAIN"); silent(p) },
		"before the open":    func(p *amqpPeer) { p.sasl(0, "PLAIN"); silent(p) },
		"before the links":   func(p *amqpPeer) { p.sasl(0, "PLAIN"); p.begin(); silent(p) },
	} {
		lab := newLab(t)
		port := amqpPeers(t, lab, dps.AMQP, script)
		ctx, cancel := contextFor(100 * time.Millisecond)
		if _, err := lab.wire().Device(ctx, dps.AMQP, endpoint(serviceHost, port), testIdentity(t)); err == nil {
			t.Errorf("%s: connected", name)
		}
		cancel()
	}
}
