package provisioning_test

import (
	"context"
	"errors"
	"testing"

	"github.com/dpslab/dpslab/internal/dps"
)

func TestCloseWaitsForWhatIsUnderWay(t *testing.T) {
	l, g, a, op := underWay(t)
	closed := make(chan error, 1)
	go func() { closed <- l.Close(context.Background()) }()
	// Only one registration of a device runs at a time, so until Close has taken hold
	// register answers 409203.
	l.enroll(individual("dev-02"))
	select {
	case err := <-closed:
		t.Fatalf("closed with a registration under way: %v", err)
	default:
	}
	close(g.open)
	if err := within(t, "Close", closed); err != nil {
		t.Error(err)
	}
	if r := l.settle(a, op); r.Status != dps.StatusAssigned {
		t.Errorf("ended as %s", r.Status)
	}
	_, err := l.Register(t.Context(), l.attest(l.claim("dev-02", primaryKey)))
	refused(t, "register after Close", err, 500000)
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
	l, h := open(t), newHub("hub-a")
	l.link(h)
	l.enroll(individual("dev-01"))
	h.unavailable(100)
	a := l.attest(l.claim("dev-01", primaryKey))
	op := l.register(a)
	l.timers(1)
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
