package provisioning_test

import (
	"context"
	"errors"
	"testing"

	"github.com/dpslab/dpslab/internal/dps"
)

// waited is a context that tells when somebody begins to wait for its end.
type waited struct {
	context.Context
	begun chan<- struct{}
}

func (w waited) Done() <-chan struct{} {
	w.begun <- struct{}{}
	return w.Context.Done()
}

func TestCloseWaitsForWhatIsUnderWay(t *testing.T) {
	l, g, a, op := underWay(t)
	l.enroll(individual("dev-02"))
	begun, closed := make(chan struct{}, 1), make(chan error, 1)
	go func() { closed <- l.Close(waited{context.Background(), begun}) }()
	within(t, "Close beginning to wait", begun)
	_, err := l.Register(t.Context(), l.attest(l.claim("dev-02", primaryKey)))
	refused(t, "register while it closes", err, 500000)
	close(g.open)
	if err := within(t, "Close", closed); err != nil {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel() // a poll that does not wait
	if got, err := l.Operation(ended, a, op.ID); err != nil || got.Record.Status != dps.StatusAssigned {
		t.Errorf("closed over a registration that was %s, %v", got.Record.Status, err)
	}
}

func TestCloseCancelsWhatTakesTooLong(t *testing.T) {
	l, _, a, op := underWay(t) // its hub answers when the context ends
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Close(impatient); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	failedWith(t, l.settle(a, op), 500208)
}

func TestClosePutsAnEndToThePausesOfAHubThatDoesNotAnswer(t *testing.T) {
	l, h, a, op := unanswered(t, 100)
	l.timers(besidePatience)
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Close(impatient); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	failedWith(t, l.settle(a, op), 500208)
	if h.written() != 1 {
		t.Errorf("the hub was asked %d times", h.written())
	}
}
