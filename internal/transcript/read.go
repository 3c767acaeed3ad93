package transcript

import (
	"cmp"
	"context"
	"iter"
	"slices"
)

// Events returns everything retained that the filter selects, decoded, in sequence order.
func (l *Log) Events(f Filter) []Event {
	if l == nil {
		return nil
	}
	events, _ := newReader(l, f).next(false)
	return events
}

// Follow yields what is retained and then what is recorded, until ctx ends. A connection
// that gets the wanted registration late is told from its first byte when it gets it, so
// its events can come after younger ones of other connections. What is evicted before a
// slow reader comes to it is not told.
func (l *Log) Follow(ctx context.Context, f Filter) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		if l == nil {
			<-ctx.Done()
			return
		}
		for r := newReader(l, f); ; {
			events, changed := r.next(true)
			for _, e := range events {
				if ctx.Err() != nil || !yield(e) {
					return
				}
			}
			select {
			case <-ctx.Done():
				return
			case <-changed:
			}
		}
	}
}

// reader decodes a log for one caller. It keeps a decoder per connection and direction,
// and feeds each connection's records to them in sequence order, once.
type reader struct {
	log    *Log
	filter Filter
	conns  map[*Conn]*telling
}

// telling is how far one connection has been told.
type telling struct {
	conn     *Conn
	taken    int // records
	received decoder
	sent     decoder
}

func newReader(l *Log, f Filter) *reader {
	return &reader{log: l, filter: f, conns: map[*Conn]*telling{}}
}

// next returns the events of what was recorded since the last call. With follow it also
// returns a channel that is closed when there is more.
func (r *reader) next(follow bool) (events []Event, changed <-chan struct{}) {
	type news struct {
		*telling
		records      []record
		registration string
	}
	var all []news

	// Under the lock nothing is decoded: records never change, so a slice of them can be
	// read when the lock is gone, even after an eviction.
	l := r.log
	l.mu.Lock()
	for c := range r.conns {
		if c.evicted {
			delete(r.conns, c)
		}
	}
	for _, c := range l.conns {
		if !r.filter.selects(c) {
			continue
		}
		t := r.conns[c]
		if t == nil {
			t = &telling{conn: c}
			t.received, t.sent = decoders(c.meta.Protocol, l.side)
			r.conns[c] = t
		}
		if t.taken < len(c.records) {
			all = append(all, news{t, c.records[t.taken:], c.registration})
			t.taken = len(c.records)
		}
	}
	if follow {
		if l.changed == nil {
			l.changed = make(chan struct{})
		}
		changed = l.changed
	}
	l.mu.Unlock()

	for _, n := range all {
		for _, rec := range n.records {
			n.tell(rec, func(dir Direction, m message) {
				if rec.seq > r.filter.After {
					events = append(events, n.event(l.side, rec, dir, n.registration, m))
				}
			})
		}
	}
	slices.SortStableFunc(events, func(a, b Event) int { return cmp.Compare(a.Seq, b.Seq) })
	return events, changed
}

// tell decodes one record. Messages that were cut short come before the note that the
// connection closed.
func (t *telling) tell(rec record, emit func(Direction, message)) {
	received := func(m message) { emit(Received, m) }
	sent := func(m message) { emit(Sent, m) }
	switch {
	case rec.note != nil:
		if rec.note.kind == KindClosed {
			t.received.end(received)
			t.sent.end(sent)
		}
		emit(Neither, message{kind: rec.note.kind, summary: rec.note.text})
	case rec.dir == Received:
		t.received.feed(rec.data, received)
	case rec.dir == Sent:
		t.sent.feed(rec.data, sent)
	}
}

// event is the one way out of this package: whatever a decoder left is redacted and
// escaped here.
func (t *telling) event(side Side, rec record, dir Direction, registration string, m message) Event {
	meta := t.conn.meta
	e := Event{
		Seq: rec.seq, At: rec.at, Side: side, Conn: t.conn.id, Protocol: meta.Protocol,
		Service: showLine(meta.Service), Listener: meta.Listener, Registration: showLine(registration),
		Direction: dir.String(), Kind: m.kind, Summary: showLine(RedactText(m.summary)),
		Body: showBody(m.body, m.size),
	}
	for _, line := range m.lines {
		e.Lines = append(e.Lines, showLine(RedactText(line)))
	}
	return e
}
