package telemetry_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/telemetry"
)

var noon = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

func message(device, body string) telemetry.Event {
	return telemetry.Event{DeviceID: device, Body: []byte(body)}
}

func bodies(events []telemetry.Event) (list []string) {
	for _, e := range events {
		list = append(list, string(e.Body))
	}
	return list
}

func TestEventsAreStampedAndSelected(t *testing.T) {
	c := clock.NewMovable(clock.Frozen(noon))
	s := telemetry.NewStore(c, 0)
	s.Append(message("d1", "one"))
	c.Advance(time.Minute)
	s.Append(message("d2", "two"))
	s.Append(message("d1", "three"))

	for _, tc := range []struct {
		rule   string
		filter telemetry.Filter
		want   []string
	}{
		{"the zero filter selects all", telemetry.Filter{}, []string{"one", "two", "three"}},
		{"by device", telemetry.Filter{DeviceID: "d1"}, []string{"one", "three"}},
		{"device ids are case-sensitive", telemetry.Filter{DeviceID: "D1"}, nil},
		{"after a sequence number", telemetry.Filter{After: 2}, []string{"three"}},
		{"by device and after", telemetry.Filter{DeviceID: "d2", After: 2}, nil},
	} {
		if got := bodies(s.Events(tc.filter)); !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %q, want %q", tc.rule, got, tc.want)
		}
	}
	second := s.Events(telemetry.Filter{})[1]
	if second.Seq != 2 || !second.EnqueuedTime.Equal(noon.Add(time.Minute)) {
		t.Errorf("the second event is stamped %d %v", second.Seq, second.EnqueuedTime)
	}
}

func TestAppendKeepsItsOwnCopy(t *testing.T) {
	s := telemetry.NewStore(clock.Frozen(noon), 0)
	body := []byte("as sent")
	properties := map[string]*string{"zone": nil}
	s.Append(telemetry.Event{Body: body, Properties: properties})
	copy(body, "changed")
	properties["more"] = nil
	if e := s.Events(telemetry.Filter{})[0]; string(e.Body) != "as sent" || len(e.Properties) != 1 {
		t.Fatalf("the sender's later change is in the store: %q %v", e.Body, e.Properties)
	}
}

func TestTheOldestEventsMakeRoom(t *testing.T) {
	s := telemetry.NewStore(clock.Frozen(noon), 2)
	for _, body := range []string{"one", "two", "three"} {
		s.Append(message("d1", body))
	}
	if got := bodies(s.Events(telemetry.Filter{})); !slices.Equal(got, []string{"two", "three"}) {
		t.Fatalf("retained %q", got)
	}
}

func TestLargeEventsMakeRoomByBytes(t *testing.T) {
	s := telemetry.NewStore(clock.Frozen(noon), 0)
	large := make([]byte, 40<<20)
	s.Append(telemetry.Event{Body: large})
	s.Append(telemetry.Event{Body: large})
	if got := s.Events(telemetry.Filter{}); len(got) != 1 || got[0].Seq != 2 {
		t.Fatalf("retained %d events", len(got))
	}
}

func TestFollowYieldsTheRetainedThenTheLive(t *testing.T) {
	s := telemetry.NewStore(clock.Frozen(noon), 0)
	s.Append(message("d1", "one"))
	s.Append(message("d2", "another device"))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	got := make(chan string)
	go func() {
		defer close(got)
		for e := range s.Follow(ctx, telemetry.Filter{DeviceID: "d1"}) {
			got <- string(e.Body)
		}
	}()
	if body := <-got; body != "one" {
		t.Fatalf("first %q", body)
	}
	s.Append(message("d2", "another device"))
	s.Append(message("d1", "two"))
	if body := <-got; body != "two" {
		t.Fatalf("then %q", body)
	}
	cancel()
	if body, more := <-got; more {
		t.Fatalf("after the context ended: %q", body)
	}
}
