package devwire

import (
	"context"
	"fmt"
	"slices"

	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
)

// SASLLogin is one way to log in before AMQP begins (device-api.md 3.1). go-amqp has no
// mechanism TPM and hides the code of a refusal, so SASL is done here and go-amqp begins
// behind it.
type SASLLogin struct {
	Mechanism string
	Hostname  string // of the init; "" leaves it out, as most clients do
	Initial   []byte // response; nil leaves it out
	// Answer answers a challenge. With nil every challenge is an error.
	Answer func(challenge []byte) (response []byte, err error)
}

// SASLPlain logs in with a name and a password, which is a token.
func SASLPlain(user, password string) SASLLogin {
	return SASLLogin{Mechanism: "PLAIN", Initial: []byte("\x00" + user + "\x00" + password)}
}

// SASLExternal logs in with the certificate of the TLS handshake.
func SASLExternal() SASLLogin { return SASLLogin{Mechanism: "EXTERNAL", Initial: []byte{}} }

// SASLAnonymous logs in as nobody.
func SASLAnonymous() SASLLogin { return SASLLogin{Mechanism: "ANONYMOUS", Initial: []byte{}} }

// Init is the login's first frame.
func (l SASLLogin) Init() amqpframe.Frame {
	init := amqpframe.New("sasl-init", amqpframe.Fields{"mechanism": l.Mechanism})
	if l.Initial != nil {
		init.Set("initial-response", l.Initial)
	}
	if l.Hostname != "" {
		init.Set("hostname", l.Hostname)
	}
	return amqpframe.SASL(init)
}

// SASL logs in. A server that does not let the client in is a *SASLRefused.
func (c *AMQPConn) SASL(ctx context.Context, l SASLLogin) error { return l.run(ctx, c) }

func (l SASLLogin) run(ctx context.Context, t amqpTalk) error {
	if err := t.Send(amqpframe.Layer(amqpframe.HeaderSASL)); err != nil {
		return err
	}
	f, err := expect(ctx, t, []string{"header"})
	if err != nil {
		return err
	}
	if *f.Header != amqpframe.HeaderSASL {
		return &Malformed{What: fmt.Sprintf("%s where SASL's belongs", f), Raw: f.Header[:]}
	}
	if f, err = expect(ctx, t, []string{"sasl-mechanisms"}); err != nil {
		return err
	}
	if offered := f.Body.Symbols("sasl-server-mechanisms"); !slices.Contains(offered, l.Mechanism) {
		return &SASLRefused{Mechanism: l.Mechanism, Offered: offered}
	}
	if err := t.Send(l.Init()); err != nil {
		return err
	}
	return l.finish(ctx, t)
}

// saslRounds is how many challenges are answered: TPM has three.
const saslRounds = 16

func (l SASLLogin) finish(ctx context.Context, t amqpTalk) error {
	for range saslRounds {
		f, err := expect(ctx, t, []string{"sasl-challenge", "sasl-outcome"})
		if err != nil {
			return err
		}
		if f.Name() == "sasl-outcome" {
			return l.outcome(f)
		}
		challenge, ok := f.Body.Field("challenge").([]byte)
		if !ok || l.Answer == nil {
			return &Malformed{What: fmt.Sprintf("a challenge that sasl %s has no answer to", l.Mechanism)}
		}
		response, err := l.Answer(challenge)
		if err != nil {
			return fmt.Errorf("answer a challenge of sasl %s: %w", l.Mechanism, err)
		}
		if err := t.Send(amqpframe.SASL(amqpframe.New("sasl-response", amqpframe.Fields{"response": response}))); err != nil {
			return err
		}
	}
	return &Malformed{What: fmt.Sprintf("sasl %s did not end after %d challenges", l.Mechanism, saslRounds)}
}

func (l SASLLogin) outcome(f amqpframe.Frame) error {
	code, ok := f.Body.Field("code").(uint8)
	switch {
	case !ok:
		return &Malformed{What: "a sasl-outcome without a code"}
	case code != 0:
		return &SASLRefused{Mechanism: l.Mechanism, Code: code}
	}
	return nil
}
