package clock_test

import (
	"context"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
)

var noon = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

func TestMovableFiresWhatFallsDue(t *testing.T) {
	c := clock.NewMovable(clock.Frozen(noon))
	early, late := c.NewTimer(time.Minute), c.NewTimer(time.Hour)

	c.Advance(59 * time.Second)
	select {
	case <-early.C():
		t.Fatal("a one-minute timer fired after 59 s")
	default:
	}
	c.Advance(time.Second)
	if got := <-early.C(); !got.Equal(noon.Add(time.Minute)) {
		t.Fatalf("the timer fired for %v", got)
	}
	if !late.Stop() {
		t.Fatal("the one-hour timer was no longer pending")
	}
	if got := c.Now(); !got.Equal(noon.Add(time.Minute)) {
		t.Fatalf("the clock stands at %v", got)
	}
}

func TestMovableOverSystemStillFiresByItself(t *testing.T) {
	c := clock.NewMovable(clock.System())
	c.Advance(24 * time.Hour)
	if err := clock.Wait(context.Background(), c, time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if ahead := c.Now().Sub(clock.System().Now()); ahead < 23*time.Hour {
		t.Fatalf("the clock is only %v ahead", ahead)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	c := clock.NewMovable(clock.Frozen(noon))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- clock.Wait(ctx, c, time.Hour) }()
	if err := c.BlockUntil(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != context.Canceled {
		t.Fatalf("got %v", err)
	}
}
