package devwire_test

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"testing"

	"github.com/coder/websocket"
	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/dpslab/dpslab/internal/dps"
)

// amqpPeer is a scripted AMQP server's end of one connection. What goes wrong there is
// reported and ends the script, and with it the connection.
type amqpPeer struct {
	t    *testing.T
	rw   io.ReadWriter
	next uint32 // delivery-id
	gone bool
}

// amqpPeers runs script on every AMQP connection, over TLS or over WebSocket.
func amqpPeers(t *testing.T, l *lab, over dps.Transport, script func(p *amqpPeer)) (port int) {
	if over == dps.AMQP {
		return l.serve(t, l.tls(), func(c *tls.Conn) { script(&amqpPeer{t: t, rw: c}) })
	}
	return l.serve(t, l.tls(), func(c *tls.Conn) {
		serveHTTP(c, func(w http.ResponseWriter, r *http.Request) {
			if r.Host != serviceHost {
				t.Errorf("upgraded at %s", r.Host)
			}
			ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"AMQPWSB10"}, InsecureSkipVerify: true})
			if err != nil {
				t.Error(err)
				return
			}
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			script(&amqpPeer{t: t, rw: websocket.NetConn(ctx, ws, websocket.MessageBinary)})
			ws.Close(websocket.StatusNormalClosure, "")
		})
	})
}

func overAMQP(t *testing.T, test func(t *testing.T, over dps.Transport)) {
	for _, over := range []dps.Transport{dps.AMQP, dps.AMQPWebSocket} {
		t.Run(over.String(), func(t *testing.T) { test(t, over) })
	}
}

// hear reads the next frame that is neither empty nor a flow, which must have that name.
func (p *amqpPeer) hear(name string) amqpframe.Frame {
	for !p.gone {
		f, err := amqpframe.Read(p.rw, 1<<20)
		if err != nil {
			p.t.Errorf("the peer waited for %s: %v", name, err)
			p.gone = true
			break
		}
		if f.Name() == name {
			return f
		}
		if f.Name() != "empty" && f.Name() != "flow" {
			p.t.Errorf("the peer heard %s, wanted %s", f, name)
			p.gone = true
		}
	}
	return amqpframe.Frame{Body: amqpframe.New(name, nil)} // the test has failed; this only keeps its script from panicking
}

func (p *amqpPeer) say(frames ...amqpframe.Frame) {
	var b []byte
	for _, f := range frames {
		var err error
		if b, err = f.Append(b); err != nil {
			p.t.Error(err)
		}
	}
	p.rw.Write(b)
}

func (p *amqpPeer) layer(h amqpframe.Header) {
	if f := p.hear("header"); f.Header != nil && *f.Header != h {
		p.t.Errorf("the peer heard %s, wanted %s", f, h)
	}
	p.say(amqpframe.Layer(h))
}

// sasl offers mechanisms, takes an init and ends with code.
func (p *amqpPeer) sasl(code int, mechanisms ...string) (mechanism, response string) {
	p.layer(amqpframe.HeaderSASL)
	p.say(amqpframe.SASL(amqpframe.New("sasl-mechanisms", amqpframe.Fields{"sasl-server-mechanisms": mechanisms})))
	init := p.hear("sasl-init")
	p.outcome(code)
	initial, _ := init.Body.Field("initial-response").([]byte)
	return init.Body.Text("mechanism"), string(initial)
}

func (p *amqpPeer) outcome(code int) {
	p.say(amqpframe.SASL(amqpframe.New("sasl-outcome", amqpframe.Fields{"code": code})))
}

// begin takes the connection up to its session, and returns the open.
func (p *amqpPeer) begin() *amqpframe.Described {
	p.layer(amqpframe.HeaderAMQP)
	open := p.hear("open")
	p.say(amqpframe.On(0, amqpframe.New("open", amqpframe.Fields{"container-id": "peer"})))
	begin := p.hear("begin")
	p.say(amqpframe.On(0, amqpframe.New("begin", amqpframe.Fields{
		"remote-channel": int(begin.Channel), "next-outgoing-id": 0, "incoming-window": 100, "outgoing-window": 100, "handle-max": 255,
	})))
	return open.Body
}

// attach takes one link and gives credit on it when the client sends on it.
func (p *amqpPeer) attach() *amqpframe.Described {
	asked := p.hear("attach").Body
	p.say(amqpframe.On(0, amqpframe.New("attach", amqpframe.Fields{
		"name": asked.Text("name"), "handle": asked.Field("handle"), "role": asked.Field("role") != true,
		"snd-settle-mode": asked.Field("snd-settle-mode"), "rcv-settle-mode": asked.Field("rcv-settle-mode"),
		"source": asked.Field("source"), "target": asked.Field("target"), "initial-delivery-count": 0,
	})))
	if asked.Field("role") == false {
		p.say(amqpframe.On(0, amqpframe.New("flow", amqpframe.Fields{
			"next-incoming-id": 0, "incoming-window": 100, "next-outgoing-id": 0, "outgoing-window": 100,
			"handle": asked.Field("handle"), "delivery-count": 0, "link-credit": 50,
		})))
	}
	return asked
}

// links takes a receiver and then a sender.
func (p *amqpPeer) links() (receiver, sender *amqpframe.Described) { return p.attach(), p.attach() }

// login takes a device by SASL PLAIN up to its links.
func (p *amqpPeer) login() {
	p.sasl(0, "PLAIN")
	p.begin()
	p.links()
}

// request takes a message of the operation and settles it with an outcome.
func (p *amqpPeer) request(operation string, outcome *amqpframe.Described) (amqpframe.Message, *amqpframe.Described) {
	f := p.hear("transfer")
	m, err := amqpframe.ParseMessage(f.Payload)
	if err != nil {
		p.t.Error(err)
	}
	if got, _ := m.Application("iotdps-operation-type"); got != operation {
		p.t.Errorf("asked for %v, want %s", got, operation)
	}
	if f.Body.Field("settled") == true {
		p.t.Errorf("sent settled: %s", f)
	}
	if outcome != nil {
		p.say(amqpframe.On(0, amqpframe.New("disposition", amqpframe.Fields{
			"role": true, "first": f.Body.Field("delivery-id"), "settled": true, "state": outcome,
		})))
	}
	return m, f.Body
}

var accepted = amqpframe.New("accepted", nil)

// rejection is an outcome with an error.
func rejection(condition, description string, info ...any) *amqpframe.Described {
	return amqpframe.New("rejected", amqpframe.Fields{"error": amqpframe.New("error", amqpframe.Fields{
		"condition": condition, "description": description, "info": amqpframe.Properties(info...),
	})})
}

// send sends a message on the client's receiver, settled, in frames of at most size bytes
// of it.
func (p *amqpPeer) send(size int, m amqpframe.Message) {
	payload, err := m.Encode()
	if err != nil {
		p.t.Error(err)
	}
	first := true
	for first || len(payload) > 0 {
		piece := payload[:min(size, len(payload))]
		payload = payload[len(piece):]
		transfer := amqpframe.New("transfer", amqpframe.Fields{"handle": 0, "more": len(payload) > 0, "settled": true})
		if first {
			transfer.Set("delivery-id", int(p.next)).Set("delivery-tag", []byte{byte(p.next)}).Set("message-format", 0)
			p.next++
		}
		first = false
		p.say(amqpframe.On(0, transfer, piece))
	}
}

// answer answers m with a document.
func (p *amqpPeer) answer(m amqpframe.Message, document string, properties ...any) {
	var answer amqpframe.Message
	if id := m.Property("correlation-id"); id != nil {
		answer = append(answer, amqpframe.New("properties", amqpframe.Fields{"correlation-id": id}))
	}
	if len(properties) > 0 {
		answer = append(answer, amqpframe.Application(properties...))
	}
	p.send(1<<16, append(answer, amqpframe.Data(document)))
}

func (p *amqpPeer) goodbye() { p.hear("close") }
