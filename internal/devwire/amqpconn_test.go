package devwire_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/vectors"
)

func openAMQP(t *testing.T, wire *devwire.Wire, over dps.Transport, port int) *devwire.AMQPConn {
	t.Helper()
	conn, err := wire.AMQP(soon(t), over, endpoint(serviceHost, port), devwire.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAMQPFramesComeInTheirOrder(t *testing.T) {
	overAMQP(t, func(t *testing.T, over dps.Transport) {
		lab := newLab(t)
		port := amqpPeers(t, lab, over, func(p *amqpPeer) {
			p.login()
			m, transfer := p.request("iotdps-register", nil)
			p.say(amqpframe.Empty())
			p.next = 7
			payload := append(amqpframe.Message{amqpframe.New("properties", amqpframe.Fields{"correlation-id": m.Property("correlation-id")})},
				amqpframe.Application("retry-after", int32(3)), amqpframe.Data(assigning))
			p.send(20, payload) // before its disposition, and in pieces
			p.say(amqpframe.On(0, amqpframe.New("disposition", amqpframe.Fields{
				"role": true, "first": transfer.Field("delivery-id"), "settled": true, "state": accepted,
			})))
		})
		wire := lab.wire()
		conn := openAMQP(t, wire, over, port)
		if over == dps.AMQPWebSocket && conn.Subprotocol() != vectors.All().WebSocket.AMQPSubprotocol {
			t.Errorf("subprotocol %q", conn.Subprotocol())
		}
		id := testIdentity(t)
		must(t, conn.Login(soon(t), id))
		must(t, conn.Attach(soon(t), endpoint(serviceHost, port), id))
		if conn.Credit() != 50 {
			t.Errorf("credit %d", conn.Credit())
		}
		short, cancel := contextFor(20 * time.Millisecond)
		defer cancel()
		if _, err := conn.Next(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a silent connection: %v", err)
		}
		register, err := devwire.AMQPRegister(id, nil)
		must(t, err)
		transfer, err := devwire.AMQPTransfer(0, register)
		must(t, err)
		must(t, conn.Send(transfer))
		if f, err := conn.Next(soon(t)); err != nil || f.Name() != "empty" {
			t.Errorf("%s, %v", f, err)
		}
		answer, err := conn.Delivery(soon(t))
		if err != nil || len(answer.Frames) < 3 || answer.Transfer.Field("delivery-id") != uint32(7) ||
			answer.Message.Property("correlation-id") != register.Property("correlation-id") {
			t.Errorf("%s, %v", answer.Message, err)
		}
		if a, err := devwire.ParseAMQPAnswer(answer.Message); err != nil || a.Code != 202 || a.RetryAfter != 3*time.Second {
			t.Errorf("%s, %v", a, err)
		}
		if f, err := conn.Expect(soon(t), "disposition"); err != nil || f.Body.Inner("state").Name() != "accepted" {
			t.Errorf("%s, %v", f, err)
		}
		if _, err := conn.Next(soon(t)); err != io.EOF {
			t.Errorf("after the server closed: %v", err)
		}
		if _, err := conn.Expect(soon(t), "transfer"); !errors.Is(err, io.EOF) {
			t.Errorf("after the server closed: %v", err)
		}
	})
}

func TestFramesGoOutTogetherAndBytesAsTheyAre(t *testing.T) {
	lab := newLab(t)
	heard := make(chan []byte, 1)
	const want = "AMQP\x00\x01\x00\x00" + "\x00\x00\x00\x08\x02\x00\x00\x00" + "\x00\x00\x00\x0c\x02\x00\x00\x05\x00\x53\x18\x45" + "\xff\xfe"
	port := lab.serve(t, lab.tls(), func(c *tls.Conn) {
		b := make([]byte, len(want))
		io.ReadFull(c, b)
		heard <- b
	})
	conn := openAMQP(t, lab.wire(), dps.AMQP, port)
	must(t, conn.Send(amqpframe.Layer(amqpframe.HeaderAMQP), amqpframe.Empty(), amqpframe.On(5, amqpframe.New("close", nil))))
	must(t, conn.SendBytes([]byte{0xff, 0xfe}))
	if got := <-heard; !bytes.Equal(got, []byte(want)) {
		t.Errorf("the server heard %q", got)
	}
	if _, err := conn.Next(soon(t)); err != io.EOF {
		t.Errorf("got %v", err)
	}
	var unsent *devwire.NotSent
	if err := conn.Send(amqpframe.On(0, amqpframe.New("opne", nil))); !errors.As(err, &unsent) {
		t.Errorf("a frame of no such name: %v", err)
	}
}

func TestCloseEndsAPendingNextFrame(t *testing.T) {
	overAMQP(t, func(t *testing.T, over dps.Transport) {
		lab := newLab(t)
		port := amqpPeers(t, lab, over, func(p *amqpPeer) { io.Copy(io.Discard, p.rw) })
		conn := openAMQP(t, lab.wire(), over, port)
		ended := make(chan error, 1)
		ctx := soon(t)
		go func() {
			_, err := conn.Next(ctx)
			ended <- err
		}()
		conn.Close()
		conn.Close()
		if err := <-ended; err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestWhatWasNotExpectedIsTold(t *testing.T) {
	reason := amqpframe.New("error", amqpframe.Fields{"condition": "amqp:not-found", "description": `{"errorCode":404201}`})
	for name, tc := range map[string]struct {
		frame amqpframe.Frame
		code  int // of an AMQPError; 0: it is a Malformed
	}{
		"a detach with a reason":    {amqpframe.On(0, amqpframe.New("detach", amqpframe.Fields{"handle": 0, "error": reason})), 404},
		"a close with a reason":     {amqpframe.On(0, amqpframe.New("close", amqpframe.Fields{"error": reason})), 404},
		"a close without one":       {amqpframe.On(0, amqpframe.New("close", nil)), 0},
		"a performative of nobody":  {amqpframe.On(0, &amqpframe.Described{Descriptor: uint64(0x99), Value: amqpframe.List{}}), 0},
		"the header of another one": {amqpframe.Layer(amqpframe.HeaderSASL), 0},
	} {
		lab := newLab(t)
		port := amqpPeers(t, lab, dps.AMQP, func(p *amqpPeer) { p.say(tc.frame) })
		conn := openAMQP(t, lab.wire(), dps.AMQP, port)
		f, err := conn.Expect(soon(t), "attach")
		var refused *devwire.AMQPError
		var malformed *devwire.Malformed
		if f.Name() != tc.frame.Name() || errors.As(err, &refused) != (tc.code != 0) || errors.As(err, &malformed) != (tc.code == 0) ||
			refused != nil && refused.Code() != tc.code {
			t.Errorf("%s: %s, %v", name, f, err)
		}
	}
}

// A scripted login can be altered frame by frame.
func TestAttachOfBothLinksInOneWrite(t *testing.T) {
	lab := newLab(t)
	port := amqpPeers(t, lab, dps.AMQP, func(p *amqpPeer) {
		p.begin()
		receiver, sender := p.hear("attach"), p.hear("attach")
		if receiver.Body.Inner("target").Text("address") != "local_endpoint" || sender.Body.Inner("source").Text("address") != "remote_endpoint" ||
			sender.Body.Field("max-message-size") != uint64(1<<20) || receiver.Body.Field("role") != true {
			t.Errorf("%s, %s", receiver, sender)
		}
	})
	id := testIdentity(t)
	id.AMQP = devwire.AMQPStyles()[0]
	ep := endpoint(serviceHost, port)
	conn := openAMQP(t, lab.wire(), dps.AMQP, port)
	must(t, conn.Send(
		amqpframe.Layer(amqpframe.HeaderAMQP), amqpframe.On(0, devwire.AMQPOpen(ep, id)), amqpframe.On(0, devwire.AMQPBegin()),
		amqpframe.On(0, devwire.AMQPAttach(ep, id, devwire.AMQPReceiver)),
		amqpframe.On(0, devwire.AMQPAttach(ep, id, devwire.AMQPSender).Set("max-message-size", 1<<20)),
	))
	for _, name := range []string{"header", "open", "begin"} {
		if _, err := conn.Expect(soon(t), name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conn.Next(soon(t)); err != io.EOF {
		t.Error(err)
	}
}

func TestRefusedAttachOfAScript(t *testing.T) {
	lab := newLab(t)
	port := amqpPeers(t, lab, dps.AMQP, func(p *amqpPeer) {
		p.begin()
		asked := p.hear("attach").Body
		p.say(
			amqpframe.On(0, amqpframe.New("attach", amqpframe.Fields{"name": asked.Text("name"), "handle": 0, "role": false})),
			amqpframe.On(0, amqpframe.New("detach", amqpframe.Fields{"handle": 0, "closed": true,
				"error": amqpframe.New("error", amqpframe.Fields{"condition": "amqp:unauthorized-access"})})),
		)
	})
	id := testIdentity(t)
	id.AMQP.SASL = devwire.NoSASL
	conn := openAMQP(t, lab.wire(), dps.AMQP, port)
	must(t, conn.Login(soon(t), id)) // which is nothing
	var refused *devwire.AMQPError
	if err := conn.Attach(soon(t), endpoint(serviceHost, port), id); !errors.As(err, &refused) || refused.Code() != 401 || refused.By != "detach" {
		t.Errorf("got %v", err)
	}
}

func TestAMQPNames(t *testing.T) {
	names := vectors.All().AMQP
	if got := devwire.AMQPLinkAddress("0ne00DEMO01", "dev-01"); got != names.Address {
		t.Errorf("address %s", got)
	}
	id := testIdentity(t)
	id.AMQP = devwire.AMQPStyles()[1]
	attach := devwire.AMQPAttach(endpoint(serviceHost, 1), id, devwire.AMQPSender)
	want := amqpframe.Properties(names.APIVersionProperty, "2019-03-31", names.ClientVersionProperty, id.AMQP.ClientVersion)
	if got := attach.Field("properties"); !reflect.DeepEqual(got, want) {
		t.Errorf("link properties %v", got)
	}
	m, err := devwire.AMQPRegister(id, nil)
	must(t, err)
	operation, _ := m.Application(names.OperationTypeProperty)
	if operation != names.RegisterOperation || !strings.Contains(m.String(), "iotdps-forceRegistration") {
		t.Errorf("%s", m)
	}
	m, err = devwire.AMQPPoll(id, "op")
	must(t, err)
	operation, _ = m.Application(names.OperationTypeProperty)
	if id, _ := m.Application(names.OperationIDProperty); operation != names.PollOperation || id != "op" {
		t.Errorf("%s", m)
	}
}

func TestSpellingsAreThoseOfTheVectors(t *testing.T) {
	names := vectors.All().AMQP
	ep := devwire.Endpoint{Host: names.Host}
	id := devwire.Identity{Scope: names.Scope, RegistrationID: names.RegistrationID}
	for i, style := range []devwire.AMQPAddress{devwire.AddressBare, devwire.AddressSlash, devwire.AddressAbsolute} {
		id.AMQP.Address = style
		receiver := devwire.AMQPAttach(ep, id, devwire.AMQPReceiver).Inner("source").Text("address")
		sender := devwire.AMQPAttach(ep, id, devwire.AMQPSender).Inner("target").Text("address")
		if want := names.Addresses[i].Address; receiver != want || sender != want {
			t.Errorf("%s: %s and %s, want %s", names.Addresses[i].Source, receiver, sender, want)
		}
	}
	for _, v := range names.Conditions {
		if got := (&devwire.AMQPError{Condition: v.Condition}).Code(); got != v.Code {
			t.Errorf("%s stands for %d, want %d", v.Condition, got, v.Code)
		}
	}
	login := devwire.SASLPlain(names.Address, names.SASL.PlainPassword)
	if got := hex.EncodeToString(login.Initial); got != names.SASL.PlainResponse {
		t.Errorf("PLAIN %s, want %s", got, names.SASL.PlainResponse)
	}
	for name, v := range map[string]struct {
		got  amqpframe.Header
		want string
	}{"amqp": {amqpframe.HeaderAMQP, names.Headers.AMQP}, "sasl": {amqpframe.HeaderSASL, names.Headers.SASL}} {
		if got := hex.EncodeToString(v.got[:]); got != v.want {
			t.Errorf("header of %s: %s, want %s", name, got, v.want)
		}
	}
}

func TestAMQPIsMetered(t *testing.T) {
	lab := newLab(t)
	port := amqpPeers(t, lab, dps.AMQP, func(p *amqpPeer) {
		p.login()
		m, _ := p.request(register, accepted)
		p.answer(m, assigning)
		p.request(poll, rejection("amqp:not-found", `{"errorCode":404203,"message":"m"}`))
		io.Copy(io.Discard, p.rw)
	})
	wire := lab.wire()
	heard := new(ledger)
	wire.Meter = heard
	id, ep := testIdentity(t), endpoint(serviceHost, port)
	device, err := wire.Device(soon(t), dps.AMQP, ep, id)
	must(t, err)
	defer device.Close()
	for _, ask := range []func() (devwire.Answer, error){
		func() (devwire.Answer, error) { return device.Register(soon(t), nil) },
		func() (devwire.Answer, error) { return device.Poll(soon(t), "op") },
	} {
		if _, err := ask(); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"registration " + serviceHost + " dev-01", "202", "poll " + serviceHost + " dev-01", "404"}
	if !slices.Equal(heard.lines, want) {
		t.Errorf("%q, want %q", heard.lines, want)
	}
	device.Close()

	heard.lines = nil
	conn := openAMQP(t, wire, dps.AMQP, amqpPeers(t, lab, dps.AMQP, func(p *amqpPeer) { io.Copy(io.Discard, p.rw) }))
	m, err := devwire.AMQPRegister(id, nil)
	must(t, err)
	transfer, err := devwire.AMQPTransfer(0, m)
	must(t, err)
	other, err := devwire.AMQPTransfer(1, amqpframe.Message{amqpframe.Application("iotdps-operation-type", "iotdps-get-registration")})
	must(t, err)
	telemetry, err := devwire.AMQPTransfer(2, amqpframe.Message{amqpframe.Data("{}")})
	must(t, err)
	rest := amqpframe.On(0, amqpframe.New("transfer", amqpframe.Fields{"handle": 1}), transfer.Payload)
	must(t, conn.Send(amqpframe.On(0, devwire.AMQPAttach(ep, id, devwire.AMQPSender)), transfer, rest, other))
	must(t, conn.Send(telemetry))
	want = []string{"registration " + serviceHost + " dev-01", "0", "hub message " + serviceHost + " dev-01", "0"}
	if !slices.Equal(heard.lines, want) {
		t.Errorf("frame by frame: %q, want %q", heard.lines, want)
	}
	heard.closed = errors.New("the quota is used up")
	if err := conn.Send(transfer); !errors.Is(err, heard.closed) {
		t.Errorf("a meter that refuses: %v", err)
	}
}
