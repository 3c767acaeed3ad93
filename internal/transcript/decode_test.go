package transcript_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/transcript"
)

// said is one write of one side, for a conversation in a table.
type said struct {
	dir  transcript.Direction
	data string
}

func received(data string) said { return said{transcript.Received, data} }
func sent(data string) said     { return said{transcript.Sent, data} }

// tell records the conversation, cut into pieces of at most n bytes, and returns its
// events without the opening.
func tell(side transcript.Side, p transcript.Protocol, n int, conversation ...said) []transcript.Event {
	l := newLog(side)
	c := l.Open(transcript.Meta{Protocol: p})
	for _, s := range conversation {
		for piece := range slices.Chunk([]byte(s.data), n) {
			if s.dir == transcript.Received {
				c.Received(piece)
			} else {
				c.Sent(piece)
			}
		}
	}
	c.Closed("done")
	events := l.Events(transcript.Filter{After: 1})
	return events[:len(events)-1]
}

// lines writes events as the tables do: direction, kind unless it is a message, summary,
// and what is below it.
func lines(events []transcript.Event) []string {
	var out []string
	for _, e := range events {
		text := e.Direction + ": "
		if e.Kind != transcript.KindMessage {
			text += e.Kind + " "
		}
		text += e.Summary
		for _, line := range e.Lines {
			text += " | " + line
		}
		if e.Body != "" {
			text += " || " + e.Body
		}
		out = append(out, strings.TrimPrefix(text, ": "))
	}
	return out
}

// check tells the conversation whole and byte by byte: the cuts must not matter.
func check(t *testing.T, side transcript.Side, p transcript.Protocol, conversation []said, want []string) {
	t.Helper()
	for _, n := range []int{1 << 20, 1, 7} {
		if got := lines(tell(side, p, n, conversation...)); !slices.Equal(got, want) {
			t.Errorf("in pieces of %d:\n got %s\nwant %s", n, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
		}
	}
}
