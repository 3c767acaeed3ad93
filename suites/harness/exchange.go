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

// recorded is a service or hub of the lab whose transcript belongs to a run.
type recorded struct {
	name    string
	control func() *controlapi.Client // nil while its process cannot be asked
}

// record makes the transcript of a service or hub of the lab part of a red.
func (t *T) record(name string, control func() *controlapi.Client) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.recorded = append(t.recorded, recorded{name, control})
}

// collect gathers what passed over the wire in this run: the client's record and, from a
// lab, what its services and hubs recorded.
func (t *T) collect(ctx context.Context, env *Env) {
	events := newest(env.Wire.Log.Events(transcript.Filter{}))
	t.mu.Lock()
	all := slices.Clone(t.recorded)
	t.mu.Unlock()
	for _, r := range all {
		control := r.control()
		if control == nil {
			t.Step("the lab's record of %s could not be read: its process cannot be asked", r.name)
			continue
		}
		seen, err := control.Transcript(ctx, controlapi.Filter{Service: r.name})
		if err != nil {
			t.Step("the lab's record of %s could not be read: %v", r.name, err)
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
