package transcript_test

import (
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/transcript"
)

var noon = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

func newLog(side transcript.Side) *transcript.Log {
	return transcript.NewLog(side, clock.Frozen(noon), 1<<24)
}

// open starts a connection whose protocol has no decoder: its bytes are counted.
func open(l *transcript.Log, service string) *transcript.Conn {
	return l.Open(transcript.Meta{Protocol: "other", Service: service, Listener: "127.0.0.1", Peer: "127.0.0.1:5"})
}

// follow runs Follow in a goroutine; the test reads its events from the channel.
func follow(t *testing.T, l *transcript.Log, f transcript.Filter) <-chan transcript.Event {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	events, done := make(chan transcript.Event), make(chan struct{})
	go func() {
		defer close(done)
		for e := range l.Follow(ctx, f) {
			select {
			case events <- e:
			case <-ctx.Done():
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return events
}

func TestEventsAreInOrderAndFiltered(t *testing.T) {
	l := newLog(transcript.Server)
	a, b := open(l, "lab"), open(l, "hub")
	a.Received([]byte("one"))
	b.Sent([]byte("three"))
	a.Registration("Dev-01")
	a.Injected("answers-500", "at once")
	a.Closed("done")

	all := l.Events(transcript.Filter{})
	var seqs []uint64
	for _, e := range all {
		seqs = append(seqs, e.Seq)
	}
	if !slices.Equal(seqs, []uint64{1, 2, 3, 4, 5, 6}) {
		t.Fatalf("sequence numbers %v", seqs)
	}
	if e := all[2]; e.Direction != "received" || e.Summary != "3 bytes" || e.Service != "lab" || e.Side != transcript.Server || !e.At.Equal(noon) || e.Listener != "127.0.0.1" || e.Registration != "Dev-01" {
		t.Errorf("%+v", e)
	}
	if e := all[4]; e.Kind != transcript.KindInjected || e.Summary != "answers-500 at once" {
		t.Errorf("%+v", e)
	}
	for _, c := range []struct {
		filter transcript.Filter
		want   int
	}{
		{transcript.Filter{Service: "LAB"}, 4},
		{transcript.Filter{Service: "hub"}, 2},
		{transcript.Filter{Registration: "dev-01"}, 4},
		{transcript.Filter{Registration: "dev-02"}, 0},
		{transcript.Filter{Registration: "dev-01", After: 3}, 2},
	} {
		if got := len(l.Events(c.filter)); got != c.want {
			t.Errorf("%+v selects %d", c.filter, got)
		}
	}
}

func TestANilLogAndConnRecordNothing(t *testing.T) {
	var l *transcript.Log
	c := l.Open(transcript.Meta{})
	c.Received([]byte("x"))
	c.Registration("x")
	c.Closed("x")
	if nc := net.Conn(&net.TCPConn{}); c.Wrap(nc) != nc {
		t.Error("a nil Conn wraps")
	}
	if l.Events(transcript.Filter{}) != nil {
		t.Error("a nil log has events")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for range l.Follow(ctx, transcript.Filter{}) {
		t.Error("a nil log is told")
	}
}

func TestFollowTellsWhatIsRetainedThenWhatComes(t *testing.T) {
	l := newLog(transcript.Server)
	c := open(l, "lab")
	events := follow(t, l, transcript.Filter{})
	if e := <-events; e.Kind != transcript.KindOpened {
		t.Fatalf("%+v", e)
	}
	for _, text := range []string{"a", "bb", "ccc"} {
		c.Received([]byte(text))
		if e := <-events; e.Kind != transcript.KindNote || e.Summary[0] != byte('0'+len(text)) {
			t.Fatalf("after %q: %+v", text, e)
		}
	}
}

func TestFollowBeginsAConnectionWhenItGetsItsRegistration(t *testing.T) {
	l := newLog(transcript.Server)
	c := open(l, "lab")
	events := follow(t, l, transcript.Filter{Registration: "dev-01"})
	c.Received([]byte("before anybody knew who"))
	c.Registration("dev-01")
	if e := <-events; e.Kind != transcript.KindOpened || e.Seq != 1 {
		t.Fatalf("%+v", e)
	}
	if e := <-events; e.Summary != "23 bytes" || e.Registration != "dev-01" {
		t.Fatalf("%+v", e)
	}
}

func TestEvictionDoesNotDisturbAFollower(t *testing.T) {
	l := transcript.NewLog(transcript.Server, clock.Frozen(noon), 4096)
	old := open(l, "lab")
	events := follow(t, l, transcript.Filter{})
	<-events
	old.Received(make([]byte, 1000))
	if e := <-events; e.Conn != 1 {
		t.Fatalf("%+v", e)
	}
	young := open(l, "lab")
	<-events
	for range 10 {
		young.Received(make([]byte, 1000))
		if e := <-events; e.Conn != 2 {
			t.Fatalf("%+v", e)
		}
	}
	old.Received([]byte("of an evicted connection"))
	old.Closed("evicted long ago")
	young.Closed("done")
	if e := <-events; e.Conn != 2 || e.Kind != transcript.KindClosed {
		t.Fatalf("%+v", e)
	}
	for _, e := range l.Events(transcript.Filter{}) {
		if e.Conn != 2 {
			t.Errorf("an evicted connection is told: %+v", e)
		}
	}
}

func TestAConnectionThatSaysTooMuchIsCutAndSaysSo(t *testing.T) {
	l := transcript.NewLog(transcript.Server, clock.Frozen(noon), 1<<26)
	c := open(l, "lab")
	for range 10 {
		c.Received(make([]byte, 1<<20))
	}
	c.Closed("done")
	events := l.Events(transcript.Filter{})
	if n := len(events); n != 6 || !strings.Contains(events[4].Summary, "more was said") || events[5].Kind != transcript.KindClosed {
		t.Fatalf("%d events: %+v", n, events)
	}
}

func TestWrapRecordsBothWaysAndKeepsTheAnswerAfterItsQuestion(t *testing.T) {
	l := newLog(transcript.Client)
	near, far := net.Pipe()
	c := open(l, "lab").Wrap(near)
	answered := make(chan error)
	go func() {
		_, err := io.ReadFull(far, make([]byte, 8))
		if err == nil {
			_, err = far.Write([]byte("an answer"))
		}
		answered <- err
	}()
	if _, err := c.Write([]byte("question")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 9)); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	far.Close()
	if _, err := c.Write([]byte("too late")); err == nil {
		t.Fatal("a write to a closed pipe was taken")
	}
	var told []string
	for _, e := range l.Events(transcript.Filter{After: 1}) {
		told = append(told, e.Direction+" "+e.Summary)
	}
	want := []string{"sent 8 bytes", "received 9 bytes", "sent 8 bytes", " of the last 8 bytes sent, 0 were taken before the write failed"}
	if !slices.Equal(told, want) {
		t.Fatalf("%q", told)
	}
}
