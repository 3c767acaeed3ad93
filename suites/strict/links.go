package strict

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
)

// links is one registration on an AMQP connection. It is an exchange.
type links struct {
	*run
	script amqpScript
	stream frameStream
	sent   int    // requests
	credit uint64 // for requests
}

// next hears one frame that is not empty, within the SDK's patience, and keeps count of the
// credit.
func (s *links) next(ctx context.Context, what string) (amqpframe.Frame, error) {
	waiting, done := s.waiting(ctx)
	defer done()
	for {
		f, err := s.stream.Next(waiting)
		if err != nil {
			return f, s.unheard(waiting, err, what)
		}
		s.count(f)
		if f.Name() != "empty" {
			return f, nil
		}
	}
}

// count keeps count of the credit. A flow without a link is about the session.
func (s *links) count(f amqpframe.Frame) {
	if delivered, linked := f.Body.Number("delivery-count"); f.Name() == "flow" && linked {
		credit, _ := f.Body.Number("link-credit")
		s.credit = credit + delivered - uint64(s.sent)
	}
}

// await hears frames until one of these names comes. What ends a link, the session or the
// connection for a reason that is a refusal is an outcome, whatever else comes a complaint.
func (s *links) await(ctx context.Context, what string, names ...string) (amqpframe.Frame, error) {
	for {
		f, err := s.next(ctx, what)
		switch name := f.Name(); {
		case err != nil, slices.Contains(names, name):
			return f, err
		case name == "flow":
		case name == "detach", name == "end", name == "close":
			return f, s.ended(f, what)
		default:
			return f, s.complain(s.sdk.session, "in place of %s came %s", what, f)
		}
	}
}

// ended judges the end of a link, the session or the connection.
func (s *links) ended(f amqpframe.Frame, what string) error {
	reason := f.Body.Inner("error")
	refusal, err := devwire.ParseAMQPRejection(amqpframe.New("rejected", amqpframe.Fields{"error": reason}))
	if reason == nil || err != nil || refusal.Code == 0 {
		return s.complain(s.sdk.session, "in place of %s came %s", what, f)
	}
	s.out.Refused = refusal.Code
	return nil
}

// ask sends a request and hears its outcome and its answer, in whatever order.
func (s *links) ask(ctx context.Context, poll bool, operationID string) (Answer, error) {
	for s.credit == 0 {
		f, err := s.next(ctx, "credit")
		switch {
		case s.unpaid(err):
			return Answer{}, s.complain(credits, "no credit came for a request")
		case err != nil:
			return Answer{}, err
		case f.Name() != "flow":
			return Answer{}, s.complain(s.sdk.session, "in place of credit came %s", f)
		}
	}
	m, err := s.request(poll, operationID)
	if err != nil {
		return Answer{}, err
	}
	transfer, err := devwire.AMQPTransfer(s.sent, m)
	if err != nil {
		return Answer{}, err
	}
	s.sent++
	s.credit--
	if err := s.stream.Send(transfer); err != nil {
		return Answer{}, err
	}
	return s.hear(ctx, poll, m)
}

// unpaid reports whether waiting for credit brought nothing.
func (s *links) unpaid(err error) bool {
	var c *Complaint
	return errors.As(err, &c) && c.Rule.Words == answersInTime.Words
}

// request is the SDK's message. Java writes a payload as the text of its JSON.
func (s *links) request(poll bool, operationID string) (amqpframe.Message, error) {
	if poll {
		return devwire.AMQPPoll(s.identity(), operationID)
	}
	payload := s.device.Payload
	if s.script.payloadAsText && payload != nil {
		payload = marshal(string(payload))
	}
	return devwire.AMQPRegister(s.identity(), payload)
}

func (s *links) hear(ctx context.Context, poll bool, request amqpframe.Message) (Answer, error) {
	var answer amqpframe.Message
	accepted := false
	for !accepted || answer == nil {
		f, err := s.await(ctx, "the outcome and the answer", "disposition", "transfer")
		if err != nil || s.out.Refused != 0 {
			return Answer{Poll: poll, Code: s.out.Refused}, err
		}
		if f.Name() == "transfer" {
			if answer, err = s.receive(ctx, f); err != nil {
				return Answer{}, err
			}
			continue
		}
		outcome := f.Body.Inner("state")
		switch {
		case outcome == nil && s.script.outcome != nil:
			return Answer{}, s.complain(*s.script.outcome, "the disposition of a request has no state")
		case outcome.Name() == "rejected":
			return s.rejected(poll, outcome)
		case outcome.Name() != "accepted":
			return Answer{}, s.complain(s.sdk.session, "the outcome of a request is %s", outcome)
		}
		accepted = true
	}
	return s.read(poll, request, answer)
}

// receive puts a message together from its frames, and settles it.
func (s *links) receive(ctx context.Context, f amqpframe.Frame) (amqpframe.Message, error) {
	first := f.Body
	payload := f.Payload
	for f.Body.Field("more") == true {
		var err error
		if f, err = s.await(ctx, "the rest of a message", "transfer"); err != nil {
			return nil, err
		}
		payload = append(payload, f.Payload...)
	}
	m, err := amqpframe.ParseMessage(payload)
	if err != nil || m == nil {
		return nil, s.complain(s.sdk.session, "a message cannot be read: %v", err)
	}
	if s.script.settles && first.Field("settled") != true {
		return m, s.stream.Send(amqpframe.On(0, amqpframe.New("disposition", amqpframe.Fields{
			"role": true, "first": first.Field("delivery-id"), "settled": true, "state": amqpframe.New("accepted", nil),
		})))
	}
	return m, nil
}

// read holds a message against what the SDK demands of its parts.
func (s *links) read(poll bool, request, m amqpframe.Message) (Answer, error) {
	data := m.Data()
	if s.script.data != nil && (len(data) != 1 || m.Section("amqp-value") != nil || m.Section("amqp-sequence") != nil) {
		return Answer{}, s.complain(*s.script.data, "the answer is %s", m)
	}
	if want := request.Property("correlation-id"); s.script.correlates != nil && want != m.Property("correlation-id") {
		return Answer{}, s.complain(*s.script.correlates, "the answer to %v has the correlation-id %v", want, m.Property("correlation-id"))
	}
	a := Answer{Poll: poll, Code: http.StatusOK, Header: http.Header{}}
	for _, section := range data {
		a.Body = append(a.Body, section...)
	}
	switch wait, there := m.Application("retry-after"); v := wait.(type) {
	case int32:
		a.Header.Set("Retry-After", strconv.Itoa(int(v)))
	case string:
		a.Header.Set("Retry-After", v)
	default:
		if there && s.script.waits != nil {
			return Answer{}, s.complain(*s.script.waits, "retry-after is %v of type %T", wait, wait)
		}
	}
	if !a.terminal() {
		a.Code = http.StatusAccepted
	}
	return a, nil
}

// rejected reads a refusal. C# wants its document, the others stop at its condition.
func (s *links) rejected(poll bool, outcome *amqpframe.Described) (Answer, error) {
	a, err := devwire.ParseAMQPRejection(outcome)
	if err != nil && s.script.describes != nil {
		return Answer{}, s.complain(*s.script.describes, "%v", err)
	}
	if a.Code == 0 {
		return Answer{}, s.complain(s.sdk.session, "a request was rejected without a reason")
	}
	return Answer{Poll: poll, Code: a.Code, Body: a.Raw}, nil
}

// pause waits before a poll and hears what comes meanwhile.
func (s *links) pause(ctx context.Context, d time.Duration) error {
	paused, end := context.WithCancelCause(ctx)
	defer end(nil)
	timer := s.device.clock().AfterFunc(d, func() { end(errPaused) })
	defer timer.Stop()
	for {
		f, err := s.stream.Next(paused)
		switch {
		case err == nil && (f.Name() == "empty" || f.Name() == "flow"):
			s.count(f)
		case err == nil:
			return s.complain(s.sdk.session, "before the poll came %s", f)
		case errors.Is(context.Cause(paused), errPaused):
			return nil
		case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
			// The connection's own limit for a frame: nothing came, and nothing had to.
		default:
			return s.unheard(ctx, err, "silence before the poll")
		}
	}
}

// terminal reports whether an answer is the last one.
func (a Answer) terminal() bool {
	switch a.document().text("status") {
	case "assigning", "unassigned", "registering":
		return false
	}
	return true
}
