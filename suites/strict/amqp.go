package strict

import (
	"context"
	"errors"
	"slices"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/dpslab/dpslab/internal/dps"
)

// amqpScript is how an SDK speaks AMQP (device-api.md 3).
type amqpScript struct {
	style     devwire.AMQPStyle // how it spells addresses, names, ids and bodies
	pipelined bool              // it attaches both links in one go
	settles   bool              // it accepts what it receives; Java does nothing about it

	payloadAsText bool // a payload goes as the text of its JSON

	data       *Rule // answers have to be one data section
	correlates *Rule // an answer has to carry the correlation-id of a pending request
	describes  *Rule // a rejection has to describe itself by the error document
	outcome    *Rule // a disposition has to have a state
	waits      *Rule // retry-after, where it is there, has to be an int or a string
}

// Rules that hold for every client over AMQP.
var (
	offered = Rule{Words: "its SASL mechanism is among those that are offered, in an array", AMQP: "DPS-AMQP-003"}
	echoes  = Rule{Words: "the upgrade names the subprotocol as it was offered", AMQP: "DPS-AMQP-059"}
	credits = Rule{Words: "the service grants credit for its requests", AMQP: "DPS-AMQP-015"}
)

// rules are those that the script watches over.
func (m amqpScript) rules(over dps.Transport) (rules []Rule) {
	for _, r := range []*Rule{m.data, m.correlates, m.describes, m.outcome, m.waits} {
		if r != nil {
			rules = append(rules, *r)
		}
	}
	if over == dps.AMQPWebSocket {
		rules = append(rules, echoes)
	}
	return append(rules, offered, credits)
}

// styleOf is the way of that name among those that devwire knows.
func styleOf(name string) devwire.AMQPStyle {
	styles := devwire.AMQPStyles()
	return styles[slices.IndexFunc(styles, func(s devwire.AMQPStyle) bool { return s.Name == name })]
}

const amqpSubprotocol = "AMQPWSB10"

// dialAMQP opens the SDK's connection.
func (r *run) dialAMQP(ctx context.Context) (*devwire.AMQPConn, error) {
	conn, err := r.device.Wire.AMQP(ctx, r.over, r.device.Endpoint, devwire.DialOptions{
		Certificate: r.device.Identity.Certificate, MaxVersion: r.sdk.maxTLS,
		Path: r.sdk.amqp.style.Path, Subprotocols: []string{amqpSubprotocol},
	})
	if err != nil {
		var refused *devwire.UpgradeRefused
		if errors.As(err, &refused) {
			return nil, r.complain(r.sdk.session, "the upgrade at %s was answered with %d", r.sdk.amqp.style.Path, refused.Status)
		}
		return nil, err
	}
	if got := conn.Subprotocol(); r.over == dps.AMQPWebSocket && got != amqpSubprotocol {
		conn.Close()
		return nil, r.complain(echoes, "it offered the subprotocol %s and was answered %q", amqpSubprotocol, got)
	}
	return conn, nil
}

// frameStream is an AMQP connection frame by frame; devwire.AMQPConn is one.
type frameStream interface {
	Send(frames ...amqpframe.Frame) error
	Next(ctx context.Context) (amqpframe.Frame, error)
}

// overAMQP runs the registration on a connection.
func (r *run) overAMQP(ctx context.Context, s frameStream) error {
	m := &links{run: r, script: r.sdk.amqp, stream: s}
	for _, step := range []func(context.Context) error{m.login, m.begin, m.attach} {
		if err := step(ctx); err != nil || r.out.Refused != 0 {
			return err
		}
	}
	if err := r.follow(ctx, m); err != nil {
		return err
	}
	return s.Send(amqpframe.On(0, amqpframe.New("close", nil)))
}

// login logs in by SASL PLAIN, or by nothing with a certificate (device-api.md 3.1). Outcome
// 1 is a refusal and so an outcome, any other a complaint.
func (s *links) login(ctx context.Context) error {
	token := s.sdk.Token(s.device)
	if token == "" {
		return nil
	}
	if err := s.layer(ctx, amqpframe.HeaderSASL); err != nil {
		return err
	}
	f, err := s.await(ctx, "the mechanisms of SASL", "sasl-mechanisms")
	if err != nil {
		return err
	}
	if _, array := f.Body.Field("sasl-server-mechanisms").(amqpframe.Array); !array || !slices.Contains(f.Body.Symbols("sasl-server-mechanisms"), "PLAIN") {
		return s.complain(offered, "SASL offers %s", f)
	}
	login := devwire.SASLPlain(plain(s.device.Identity.Scope, s.device.Identity.RegistrationID), token)
	if s.script.style.SASLHostname {
		login.Hostname = plain(s.device.Identity.Scope, s.device.Identity.RegistrationID)
	}
	if err := s.stream.Send(login.Init()); err != nil {
		return err
	}
	if f, err = s.await(ctx, "the outcome of SASL", "sasl-outcome"); err != nil {
		return err
	}
	switch code, _ := f.Body.Number("code"); code {
	case 0:
	case 1:
		s.out.Refused = 401
	default:
		return s.complain(s.sdk.session, "SASL ended with code %d", code)
	}
	return nil
}

// begin opens the connection and its one session.
func (s *links) begin(ctx context.Context) error {
	if err := s.layer(ctx, amqpframe.HeaderAMQP); err != nil {
		return err
	}
	for _, step := range []*amqpframe.Described{devwire.AMQPOpen(s.device.Endpoint, s.identity()), devwire.AMQPBegin()} {
		if err := s.stream.Send(amqpframe.On(0, step)); err != nil {
			return err
		}
		if _, err := s.await(ctx, "the answer to "+step.Name(), step.Name()); err != nil {
			return err
		}
	}
	return nil
}

// attach attaches the receiver and then the sender, and gives credit.
func (s *links) attach(ctx context.Context) error {
	frame := func(handle uint32) amqpframe.Frame {
		return amqpframe.On(0, devwire.AMQPAttach(s.device.Endpoint, s.identity(), handle))
	}
	steps := [][]amqpframe.Frame{{frame(devwire.AMQPReceiver)}, {frame(devwire.AMQPSender)}}
	if s.script.pipelined {
		steps = [][]amqpframe.Frame{slices.Concat(steps...)}
	}
	for _, frames := range steps {
		if err := s.stream.Send(frames...); err != nil {
			return err
		}
		for range frames {
			f, err := s.await(ctx, "the answer to an attach", "attach")
			if err != nil || s.out.Refused != 0 {
				return err
			}
			if f.Body.Inner("source") == nil || f.Body.Inner("target") == nil { // the reason comes with a detach
				_, err := s.await(ctx, "the reason why a link is refused")
				return err
			}
		}
	}
	return s.stream.Send(amqpframe.On(0, devwire.AMQPCredit(linkCredit)))
}

// linkCredit is how many answers the service may send.
const linkCredit = 100

// identity is the device's, as the SDK spells it.
func (s *links) identity() devwire.Identity {
	id := s.device.Identity
	id.APIVersion, id.AMQP = s.sdk.apiVersion, s.script.style
	return id
}

// layer begins a layer and hears the same header.
func (s *links) layer(ctx context.Context, h amqpframe.Header) error {
	if err := s.stream.Send(amqpframe.Layer(h)); err != nil {
		return err
	}
	f, err := s.await(ctx, "the header of "+h.String(), "header")
	if err == nil && *f.Header != h {
		err = s.complain(s.sdk.session, "in place of the header of %s came %s", h, f)
	}
	return err
}
