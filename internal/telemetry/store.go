package telemetry

import (
	"context"
	"iter"
	"sync"

	"github.com/dpslab/dpslab/internal/clock"
)

const (
	// DefaultRetain is how many events a Store keeps unless it is told otherwise.
	DefaultRetain = 10_000
	// retainBytes bounds the memory of a store whose devices send large messages.
	retainBytes = 64 << 20
)

// Store holds the newest events of one hub, up to a number of events and of bytes.
type Store struct {
	clock  clock.Clock
	retain int

	mu     sync.Mutex
	events []Event // oldest first, without gaps in Seq
	next   uint64
	held   int
	grown  chan struct{} // closed and replaced by Append
}

// NewStore returns an empty store that stamps events by c and keeps at most retain of
// them; retain 0 is DefaultRetain.
func NewStore(c clock.Clock, retain int) *Store {
	if retain <= 0 {
		retain = DefaultRetain
	}
	return &Store{clock: c, retain: retain, grown: make(chan struct{})}
}

// Append keeps a copy of the event and returns it with its Seq and EnqueuedTime. The
// oldest events make room.
func (s *Store) Append(e Event) Event {
	e = e.clone()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	e.Seq, e.EnqueuedTime = s.next, s.clock.Now()
	s.events = append(s.events, e)
	s.held += e.size()
	for len(s.events) > s.retain || (s.held > retainBytes && len(s.events) > 1) {
		s.held -= s.events[0].size()
		s.events[0] = Event{} // the array outlives the slice's start
		s.events = s.events[1:]
	}
	close(s.grown)
	s.grown = make(chan struct{})
	return e
}

// Events returns what is retained and selected, in the order of Seq. The events are
// shared: they must not be changed.
func (s *Store) Events(f Filter) []Event {
	found, _, _ := s.after(f)
	return found
}

// Follow yields what is retained and selected, then each new event, until ctx ends. An
// event that is evicted before a slow reader comes to it is a gap in Seq.
func (s *Store) Follow(ctx context.Context, f Filter) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		for {
			found, last, grown := s.after(f)
			for _, e := range found {
				if ctx.Err() != nil || !yield(e) {
					return
				}
			}
			f.After = max(f.After, last)
			select {
			case <-ctx.Done():
				return
			case <-grown:
			}
		}
	}
}

// after returns the selected events, the newest Seq given out so far, and the channel
// that is closed when there is more.
func (s *Store) after(f Filter) (found []Event, last uint64, grown <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found = []Event{}
	events := s.events
	if first := s.next - uint64(len(events)) + 1; f.After >= first {
		events = events[min(f.After-first+1, uint64(len(events))):]
	}
	for _, e := range events {
		if f.selects(e) {
			found = append(found, e)
		}
	}
	return found, s.next, s.grown
}
