package strict_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/suites/strict"
)

// broker is a service at the other end of an AMQP connection. Each of its functions is what
// the dossier says, until a test says otherwise.
type broker struct {
	mechanisms any
	code       uint8 // of SASL
	attach     func(asked *amqpframe.Described) []amqpframe.Frame
	settle     func(n uint32) *amqpframe.Described // the state of the disposition; nil: none
	answer     func(poll bool, correlation any) amqpframe.Message
	settled    bool // answers are

	queue  []amqpframe.Frame
	sent   []string // by the client
	n      uint32   // requests
	closed bool     // once the queue is empty
	mute   bool     // it answers nothing
}

func newBroker() *broker {
	b := &broker{mechanisms: amqpframe.Array{amqpframe.Symbol("PLAIN"), amqpframe.Symbol("TPM")}}
	b.attach = func(asked *amqpframe.Described) []amqpframe.Frame {
		frames := []amqpframe.Frame{amqpframe.On(0, asked)}
		if asked.Field("role") == false {
			frames = append(frames, amqpframe.On(0, amqpframe.New("flow", amqpframe.Fields{
				"handle": asked.Field("handle"), "delivery-count": 0, "link-credit": 10,
			})))
		}
		return frames
	}
	b.settle = func(uint32) *amqpframe.Described { return amqpframe.New("accepted", nil) }
	b.answer = func(poll bool, correlation any) amqpframe.Message {
		if poll {
			return message(correlation, amqpframe.Application(), amqpframe.Data(assigned))
		}
		return message(correlation, amqpframe.Application("retry-after", int32(0)), amqpframe.Data(assigning))
	}
	return b
}

func message(correlation any, sections ...*amqpframe.Described) amqpframe.Message {
	return append(amqpframe.Message{amqpframe.New("properties", amqpframe.Fields{"correlation-id": correlation})}, sections...)
}

func (b *broker) Send(frames ...amqpframe.Frame) error {
	for _, f := range frames {
		b.sent = append(b.sent, f.Name())
		if !b.mute {
			b.queue = append(b.queue, b.reply(f)...)
		}
	}
	return nil
}

func (b *broker) reply(f amqpframe.Frame) []amqpframe.Frame {
	switch f.Name() {
	case "header":
		replies := []amqpframe.Frame{f}
		if *f.Header == amqpframe.HeaderSASL {
			replies = append(replies, amqpframe.SASL(amqpframe.New("sasl-mechanisms", amqpframe.Fields{"sasl-server-mechanisms": b.mechanisms})))
		}
		return replies
	case "sasl-init":
		return []amqpframe.Frame{amqpframe.SASL(amqpframe.New("sasl-outcome", amqpframe.Fields{"code": b.code}))}
	case "open", "begin":
		return []amqpframe.Frame{f}
	case "attach":
		return b.attach(f.Body)
	case "transfer":
		return b.take(f)
	}
	return nil
}

func (b *broker) take(f amqpframe.Frame) []amqpframe.Frame {
	m, err := amqpframe.ParseMessage(f.Payload)
	if err != nil {
		panic(err)
	}
	n := b.n
	b.n++
	disposition := amqpframe.New("disposition", amqpframe.Fields{"role": true, "first": n, "settled": true})
	state := b.settle(n)
	if state != nil {
		disposition.Set("state", state)
	}
	replies := []amqpframe.Frame{amqpframe.On(0, disposition)}
	if state.Name() == "rejected" {
		return replies
	}
	operation, _ := m.Application("iotdps-operation-type")
	payload, err := b.answer(operation == "iotdps-get-operationstatus", m.Property("correlation-id")).Encode()
	if err != nil {
		panic(err)
	}
	half := len(payload) / 2
	return append(replies, // in two frames, as a service may send it
		amqpframe.On(0, amqpframe.New("transfer", amqpframe.Fields{
			"handle": 0, "delivery-id": n, "delivery-tag": []byte{1}, "settled": b.settled, "more": true,
		}), payload[:half]),
		amqpframe.On(0, amqpframe.New("transfer", amqpframe.Fields{"handle": 0}), payload[half:]))
}

func (b *broker) Next(ctx context.Context) (amqpframe.Frame, error) {
	if len(b.queue) > 0 {
		f := b.queue[0]
		b.queue = b.queue[1:]
		return f, nil
	}
	if b.closed {
		return amqpframe.Frame{}, io.EOF
	}
	<-ctx.Done()
	return amqpframe.Frame{}, ctx.Err()
}

func TestASessionOverAMQPEnds(t *testing.T) {
	certificate, err := pki.SelfSigned("dev-01", pki.Options{Now: clock.System().Now()})
	if err != nil {
		t.Fatal(err)
	}
	byCertificate := device()
	byCertificate.Identity.Key, byCertificate.Identity.Certificate = nil, &certificate
	for _, sdk := range strict.Over(dps.AMQP) {
		for what, d := range map[string]strict.Device{"a key": device(), "a certificate": byCertificate} {
			for _, settled := range []bool{true, false} {
				b := newBroker()
				b.settled = settled
				got, err := sdk.OnLinks(t.Context(), d, b)
				if err != nil || got.Status != "assigned" || got.Hub == "" || len(got.Answers) != 2 {
					t.Errorf("%s with %s: %+v, %v", sdk.Name, what, got, err)
				}
				settles := 0
				for _, name := range b.sent {
					if name == "disposition" {
						settles++
					}
				}
				if want := map[bool]int{false: 2}[settled || sdk.Name == strict.Java.Name]; settles != want {
					t.Errorf("%s settles %d answers, want %d", sdk.Name, settles, want)
				}
				if first := b.sent[1]; (first == "sasl-init") != (what == "a key") {
					t.Errorf("%s with %s sends %q", sdk.Name, what, b.sent)
				}
			}
		}
	}
}

func TestAnAMQPSessionThatIsNotAsItShouldBe(t *testing.T) {
	withBody := func(section *amqpframe.Described) func(b *broker) {
		return func(b *broker) {
			b.answer = func(_ bool, correlation any) amqpframe.Message { return message(correlation, section) }
		}
	}
	rejecting := func(e *amqpframe.Described) func(b *broker) {
		return func(b *broker) {
			b.settle = func(uint32) *amqpframe.Described {
				return amqpframe.New("rejected", amqpframe.Fields{"error": e})
			}
		}
	}
	for _, c := range []struct {
		what    string
		sdk     strict.SDK
		bend    func(b *broker)
		wants   string // requirement of the complaint; "": none
		refused int
	}{
		{"no PLAIN", strict.Java, func(b *broker) { b.mechanisms = amqpframe.Array{amqpframe.Symbol("TPM")} }, "DPS-AMQP-003", 0},
		{"a mechanism that is no array", strict.C, func(b *broker) { b.mechanisms = amqpframe.Symbol("PLAIN") }, "DPS-AMQP-003", 0},
		{"a token that is not taken", strict.Node, func(b *broker) { b.code = 1 }, "", 401},
		{"a login that fails", strict.Node, func(b *broker) { b.code = 2 }, "DPS-AMQP-064", 0},
		{"a link that is refused", strict.CSharp, func(b *broker) {
			b.attach = func(asked *amqpframe.Described) []amqpframe.Frame {
				return []amqpframe.Frame{
					amqpframe.On(0, amqpframe.New("attach", amqpframe.Fields{"name": asked.Field("name"), "handle": 0, "role": false})),
					amqpframe.On(0, amqpframe.New("detach", amqpframe.Fields{"handle": 0, "closed": true,
						"error": amqpframe.New("error", amqpframe.Fields{"condition": amqpframe.Symbol("amqp:unauthorized-access"), "description": string(refusal)})})),
				}
			}
		}, "", 401},
		{"a link that is detached for no reason", strict.C, func(b *broker) {
			b.attach = func(*amqpframe.Described) []amqpframe.Frame {
				return []amqpframe.Frame{amqpframe.On(0, amqpframe.New("detach", amqpframe.Fields{"handle": 0}))}
			}
		}, "DPS-AMQP-065", 0},
		{"a body that is a value", strict.Java, withBody(amqpframe.Value(string(assigned))), "DPS-AMQP-022", 0},
		{"a body that is a value", strict.C, withBody(amqpframe.Value(string(assigned))), "DPS-AMQP-022", 0},
		{"no body", strict.CSharp, withBody(amqpframe.Application()), "DPS-AMQP-022", 0},
		{"another correlation-id", strict.Node, func(b *broker) {
			b.answer = func(bool, any) amqpframe.Message { return message("another", amqpframe.Data(assigned)) }
		}, "DPS-AMQP-023", 0},
		{"retry-after of another type", strict.C, func(b *broker) {
			b.answer = func(_ bool, correlation any) amqpframe.Message {
				return message(correlation, amqpframe.Application("retry-after", uint64(3)), amqpframe.Data(assigning))
			}
		}, "DPS-AMQP-029", 0},
		{"a disposition without a state", strict.Java, func(b *broker) { b.settle = func(uint32) *amqpframe.Described { return nil } }, "DPS-AMQP-020", 0},
		{"a released request", strict.CSharp, func(b *broker) {
			b.settle = func(uint32) *amqpframe.Described { return amqpframe.New("released", nil) }
		}, "DPS-AMQP-062", 0},
		{"a rejection", strict.CSharp, rejecting(amqpframe.New("error", amqpframe.Fields{
			"condition": amqpframe.Symbol("amqp:unauthorized-access"), "description": string(refusal)})), "", 401},
		{"a rejection in words", strict.CSharp, rejecting(amqpframe.New("error", amqpframe.Fields{
			"condition": amqpframe.Symbol("amqp:unauthorized-access"), "description": "no"})), "DPS-AMQP-037", 0},
		{"a rejection in words", strict.C, rejecting(amqpframe.New("error", amqpframe.Fields{
			"condition": amqpframe.Symbol("amqp:unauthorized-access"), "description": "no"})), "", 401},
		{"a rejection without a reason", strict.Java, rejecting(nil), "DPS-AMQP-063", 0},
		{"unassigned", strict.C, withBody(amqpframe.Data(changed(assigning, members{"status": "unassigned"}))), "DPS-AMQP-067", 0},
	} {
		t.Run(c.sdk.Name+": "+c.what, func(t *testing.T) {
			b := newBroker()
			b.closed = true
			c.bend(b)
			got, err := c.sdk.OnLinks(t.Context(), device(), b)
			if c.wants == "" {
				if err != nil || got.Refused != c.refused {
					t.Errorf("%+v, %v", got, err)
				}
				return
			}
			var complained *strict.Complaint
			if !errors.As(err, &complained) || complained.Requirement != c.wants {
				t.Errorf("%+v, %v, want a complaint of %s", got, err, c.wants)
			}
		})
	}
}

// Without credit a client sends nothing, and gives up when its patience ends.
func TestAClientWaitsForCredit(t *testing.T) {
	b := newBroker()
	b.attach = func(asked *amqpframe.Described) []amqpframe.Frame { return []amqpframe.Frame{amqpframe.On(0, asked)} }
	frozen := clock.NewMovable(clock.Frozen(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)))
	d := device()
	d.Wire.Clock = frozen
	ended := make(chan error, 1)
	go func() {
		_, err := strict.Java.OnLinks(t.Context(), d, b)
		ended <- err
	}()
	if err := frozen.BlockUntil(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	frozen.Advance(time.Minute)
	if got := complaint(t, <-ended); got.Requirement != "DPS-AMQP-015" {
		t.Errorf("%v", got)
	}
	if slices.Contains(b.sent, "transfer") {
		t.Errorf("it sends %q", b.sent)
	}
}
