package amqpserver_test

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

// authenticating offers every mechanism of DPS and of hubs, and tells what it is asked.
func authenticating(judge func(amqpserver.SASLStep) amqpserver.SASLReply) (*amqpserver.Server, chan amqpserver.SASLStep) {
	steps := make(chan amqpserver.SASLStep, 100)
	return amqpserver.New(&handler{
		mechanisms: []amqp.Symbol{"PLAIN", "EXTERNAL", "ANONYMOUS", "TPM"},
		authenticate: func(_ *amqpserver.Conn, step amqpserver.SASLStep) amqpserver.SASLReply {
			steps <- step
			return judge(step)
		},
	}, amqpserver.Options{Timeouts: quick}), steps
}

// offered brings a connection to the offer of mechanisms.
func offered(t *testing.T, srv *amqpserver.Server) *peer {
	t.Helper()
	p := serve(t, srv)
	p.header(amqp.HeaderSASL)
	p.wantHeader(amqp.HeaderSASL)
	if got := next[*amqp.SASLMechanisms](p).Mechanisms; !slices.Equal(got, []amqp.Symbol{"PLAIN", "EXTERNAL", "ANONYMOUS", "TPM"}) {
		t.Errorf("offered %q", got)
	}
	return p
}

func TestSASLInOneStep(t *testing.T) {
	for _, c := range []struct {
		init amqp.SASLInit
		want amqpserver.SASLStep
	}{
		{amqp.SASLInit{Mechanism: "PLAIN", Response: []byte("\x00user\x00pass")}, amqpserver.SASLStep{Mechanism: "PLAIN", Response: []byte("\x00user\x00pass")}},
		{amqp.SASLInit{Mechanism: "ANONYMOUS", Hostname: "hub"}, amqpserver.SASLStep{Mechanism: "ANONYMOUS", Hostname: "hub"}},
		{amqp.SASLInit{Mechanism: "EXTERNAL", Response: []byte{}}, amqpserver.SASLStep{Mechanism: "EXTERNAL", Response: []byte{}}},
	} {
		t.Run(string(c.init.Mechanism), func(t *testing.T) {
			srv, steps := authenticating(func(amqpserver.SASLStep) amqpserver.SASLReply {
				return amqpserver.SASLReply{AdditionalData: []byte("Welcome!")}
			})
			p := offered(t, srv)
			p.sendSASL(&c.init)
			if o := next[*amqp.SASLOutcome](p); o.Code != amqp.SASLOK || string(o.AdditionalData) != "Welcome!" {
				t.Errorf("outcome %+v", o)
			}
			if got := <-steps; !reflect.DeepEqual(got, c.want) {
				t.Errorf("asked %+v", got)
			}
			p.openWith(&amqp.Open{ContainerID: "test", MaxFrameSize: 512}).begin(0).lives()
		})
	}
}

func TestSASLRefused(t *testing.T) {
	for code := amqp.SASLAuth; code <= amqp.SASLSystemTemp; code++ {
		t.Run(fmt.Sprint("code ", code), func(t *testing.T) {
			srv, _ := authenticating(func(amqpserver.SASLStep) amqpserver.SASLReply { return amqpserver.SASLReply{Code: code} })
			p := offered(t, srv)
			p.sendSASL(&amqp.SASLInit{Mechanism: "PLAIN", Response: []byte("\x00user\x00wrong")})
			if o := next[*amqp.SASLOutcome](p); o.Code != code {
				t.Errorf("outcome %+v", o)
			}
			p.ends()
		})
	}
	t.Run("a mechanism that was not offered, without a question", func(t *testing.T) {
		srv, steps := authenticating(func(amqpserver.SASLStep) amqpserver.SASLReply { return amqpserver.SASLReply{} })
		p := offered(t, srv)
		p.sendSASL(&amqp.SASLInit{Mechanism: "MSSBCBS"})
		if o := next[*amqp.SASLOutcome](p); o.Code != amqp.SASLAuth || len(steps) > 0 {
			t.Errorf("outcome %+v, %d questions", o, len(steps))
		}
		p.ends()
	})
}

// TestSASLTPM is the exchange of device-api.md 4.3.
func TestSASLTPM(t *testing.T) {
	challenges := [][]byte{{0}, []byte("\x80blob one"), []byte("\xc1blob two")}
	srv, steps := authenticating(func(step amqpserver.SASLStep) amqpserver.SASLReply {
		if step.N < len(challenges) {
			return amqpserver.SASLReply{Challenge: challenges[step.N]}
		}
		return amqpserver.SASLReply{}
	})
	p := offered(t, srv)
	responses := [][]byte{[]byte("\x000ne00DEMO01\x00dev-01\x00endorsement key"), []byte("\x00storage root key"), {0}, []byte("\x00SharedAccessSignature sr=…")}
	p.sendSASL(&amqp.SASLInit{Mechanism: "TPM", Response: responses[0], Hostname: "0ne00DEMO01/registrations/dev-01"})
	for i, want := range challenges {
		if got := next[*amqp.SASLChallenge](p).Challenge; !bytes.Equal(got, want) {
			t.Errorf("challenge %d is %q", i, got)
		}
		p.sendSASL(&amqp.SASLResponse{Response: responses[i+1]})
	}
	if o := next[*amqp.SASLOutcome](p); o.Code != amqp.SASLOK {
		t.Errorf("outcome %+v", o)
	}
	for i, response := range responses {
		if s := <-steps; s.N != i || s.Mechanism != "TPM" || s.Hostname != "0ne00DEMO01/registrations/dev-01" || !bytes.Equal(s.Response, response) {
			t.Errorf("step %d is %+v", i, s)
		}
	}
	p.openWith(&amqp.Open{ContainerID: "test", MaxFrameSize: 512})
}

func TestSASLWithoutEnd(t *testing.T) {
	srv, steps := authenticating(func(amqpserver.SASLStep) amqpserver.SASLReply { return amqpserver.SASLReply{Challenge: []byte{0}} })
	p := offered(t, srv)
	p.sendSASL(&amqp.SASLInit{Mechanism: "TPM"})
	for range 16 {
		next[*amqp.SASLChallenge](p)
		p.sendSASL(&amqp.SASLResponse{Response: []byte{0}})
	}
	if o := next[*amqp.SASLOutcome](p); o.Code != amqp.SASLSystem || len(steps) != 16 {
		t.Errorf("outcome %+v after %d steps", o, len(steps))
	}
	p.ends()
}

func TestSASLOutOfOrder(t *testing.T) {
	for _, c := range []struct {
		rule string
		act  func(*peer)
	}{
		{"a response before init", func(p *peer) { p.sendSASL(&amqp.SASLResponse{Response: []byte{0}}) }},
		{"an outcome", func(p *peer) { p.sendSASL(&amqp.SASLOutcome{}) }},
		{"an open", func(p *peer) { p.send(0, &amqp.Open{ContainerID: "test"}) }},
		{"an empty frame", func(p *peer) { p.sendFrame(amqp.Frame{Type: amqp.FrameSASL}) }},
		{"a malformed frame", func(p *peer) { p.sendBytes(0, 0, 0, 9, 2, 1, 0, 0, 0x45) }},
		{"a frame of a megabyte", func(p *peer) { p.sendBytes(0, 16, 0, 0, 2, 1, 0, 0) }},
		{"silence", func(*peer) {}},
		{"half a frame", func(p *peer) { p.sendBytes(0, 0, 0, 20) }},
		{"silence after the choice", func(p *peer) {
			p.sendSASL(&amqp.SASLInit{Mechanism: "TPM"})
			next[*amqp.SASLChallenge](p)
		}},
		{"a second choice", func(p *peer) {
			p.sendSASL(&amqp.SASLInit{Mechanism: "TPM"})
			next[*amqp.SASLChallenge](p)
			p.sendSASL(&amqp.SASLInit{Mechanism: "PLAIN"})
		}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			srv, _ := authenticating(func(amqpserver.SASLStep) amqpserver.SASLReply { return amqpserver.SASLReply{Challenge: []byte{0}} })
			p := offered(t, srv)
			c.act(p)
			p.ends()
		})
	}
}

func TestAfterSASLComesTheHeaderOfAMQP(t *testing.T) {
	srv, _ := authenticating(func(amqpserver.SASLStep) amqpserver.SASLReply { return amqpserver.SASLReply{} })
	p := offered(t, srv)
	p.sendSASL(&amqp.SASLInit{Mechanism: "ANONYMOUS"})
	next[*amqp.SASLOutcome](p)
	p.header(amqp.HeaderSASL)
	p.wantHeader(amqp.HeaderAMQP)
	p.ends()
}

// TestALongToken: the longest device id makes a SAS token that the standard's frames of 512
// bytes do not hold.
func TestALongToken(t *testing.T) {
	srv, _ := authenticating(func(amqpserver.SASLStep) amqpserver.SASLReply { return amqpserver.SASLReply{} })
	p := offered(t, srv)
	p.sendSASL(&amqp.SASLInit{Mechanism: "PLAIN", Response: bytes.Repeat([]byte("x"), 2000)})
	if o := next[*amqp.SASLOutcome](p); o.Code != amqp.SASLOK {
		t.Errorf("outcome %+v", o)
	}
}

func TestAChallengeThatDoesNotFit(t *testing.T) {
	srv, _ := authenticating(func(amqpserver.SASLStep) amqpserver.SASLReply {
		return amqpserver.SASLReply{Challenge: make([]byte, 500)}
	})
	p := offered(t, srv)
	p.sendSASL(&amqp.SASLInit{Mechanism: "TPM"})
	p.ends()
}

func TestParsePlain(t *testing.T) {
	for _, c := range []struct {
		response, authorize, identity, password string
		ok                                      bool
	}{
		{"\x00user\x00pass", "", "user", "pass", true},
		{"other\x00user\x00pass", "other", "user", "pass", true},
		{"\x00user\x00", "", "user", "", true},
		{"\x00\x00pass", "", "", "", false},
		{"user\x00pass", "", "", "", false},
		{"\x00user\x00pass\x00more", "", "", "", false},
		{"", "", "", "", false},
	} {
		authorize, identity, password, ok := amqpserver.ParsePlain([]byte(c.response))
		if authorize != c.authorize || identity != c.identity || password != c.password || ok != c.ok {
			t.Errorf("%q: %q %q %q %v", c.response, authorize, identity, password, ok)
		}
	}
}
