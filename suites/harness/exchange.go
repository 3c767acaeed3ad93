package harness

import (
	"context"
	"slices"

	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/internal/transcript"
	"github.com/dpslab/dpslab/reports"
)

// exchangeEvents is how much of each record a red keeps: the end, where it stopped.
const exchangeEvents = 300

// collect gathers what passed over the wire in this run: the client's record and, from a
// lab, what its services and hubs recorded.
func (t *T) collect(ctx context.Context, env *Env) {
	events := newest(env.Wire.Log.Events(transcript.Filter{}))
	t.mu.Lock()
	recorded := slices.Clone(t.recorded)
	t.mu.Unlock()
	for _, name := range recorded {
		seen, err := env.Control.Transcript(ctx, controlapi.Filter{Service: name})
		if err != nil {
			t.Step("the lab's record of %s could not be read: %v", name, err)
			continue
		}
		told := make([]reports.Event, len(seen))
		for i, e := range seen {
			told[i] = reports.Event{
				Seq: e.Seq, At: e.At, Side: transcript.Side(e.Side), Conn: e.Conn, Protocol: transcript.Protocol(e.Protocol),
				Service: e.Service, Listener: e.Listener, Registration: e.Registration, Direction: e.Direction,
				Kind: e.Kind, Summary: e.Summary, Lines: e.Lines, Body: e.Body,
			}
		}
		events = append(events, newest(told)...)
	}
	slices.SortStableFunc(events, func(a, b reports.Event) int { return a.At.Compare(b.At) })
	t.mu.Lock()
	t.exchange = events
	t.mu.Unlock()
}

func newest(events []reports.Event) []reports.Event {
	return events[max(0, len(events)-exchangeEvents):]
}
