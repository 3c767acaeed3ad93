package registry_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/dpslab/dpslab/fakehub/registry"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/etag"
)

func attach(t *testing.T, r *registry.Registry, id string, revoked func(string)) *registry.Presence {
	t.Helper()
	if revoked == nil {
		revoked = func(why string) { t.Errorf("%s was revoked: %s", id, why) }
	}
	p, err := r.Attach(id, "", revoked)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestConnectionStateFollowsTheConnections(t *testing.T) {
	r, c := newRegistry(t)
	create(t, r, "d1")
	state := func() string {
		i, _ := r.Get("d1")
		return fmt.Sprint(i.Connected, " ", i.ConnectionUpdated.Sub(noon), " ", i.LastActivity.Sub(noon))
	}
	first := attach(t, r, "d1", nil)
	c.Advance(time.Minute)
	second := attach(t, r, "d1", nil)
	if got := state(); got != "true 0s 1m0s" {
		t.Errorf("with two connections: %s", got)
	}
	c.Advance(time.Minute)
	second.Active()
	first.Close()
	first.Close()
	if got := state(); got != "true 0s 2m0s" || r.Count().Connected != 1 {
		t.Errorf("with one connection: %s", got)
	}
	c.Advance(time.Minute)
	second.Close()
	if got := state(); got != "false 3m0s 3m0s" {
		t.Errorf("with none: %s", got)
	}
}

func TestDisableAndDeleteEndConnections(t *testing.T) {
	for rule, end := range map[string]func(r *registry.Registry) error{
		"disable": func(r *registry.Registry) error {
			_, err := r.Update(registry.Identity{DeviceID: "d1", Status: registry.Disabled}, etag.Condition{})
			return err
		},
		"delete": func(r *registry.Registry) error { return r.Delete("d1", etag.Condition{}) },
	} {
		t.Run(rule, func(t *testing.T) {
			r, _ := newRegistry(t)
			create(t, r, "d1")
			create(t, r, "d2")
			attach(t, r, "d2", nil)
			var why []string
			p := attach(t, r, "d1", func(w string) { why = append(why, w) })
			if err := end(r); err != nil {
				t.Fatal(err)
			}
			if len(why) != 1 {
				t.Fatalf("revoked with %q", why)
			}
			p.Close()
			p.Active()
			_, err := r.Attach("d1", "", func(string) {})
			if refusal := (*registry.Refusal)(nil); !errors.As(err, &refusal) {
				t.Errorf("it attaches again: %v", err)
			}
		})
	}
}

func TestModelIDIsNotedInTheTwin(t *testing.T) {
	r, _ := newRegistry(t)
	create(t, r, "d1")
	if _, err := r.Attach("d1", "dtmi:com:x;1", func(string) {}); err != nil {
		t.Fatal(err)
	}
	attach(t, r, "d1", nil)
	if twin, _ := r.Twin("d1"); twin.ModelID != "dtmi:com:x;1" {
		t.Errorf("modelId is %q", twin.ModelID)
	}
}

func TestObserversAreToldOfEveryDesiredChangeInOrder(t *testing.T) {
	r, _ := newRegistry(t)
	create(t, r, "d1")
	create(t, r, "d2")
	p := attach(t, r, "d1", nil)
	deaf := attach(t, r, "d1", nil)
	write := func(id, patch string) {
		t.Helper()
		if _, err := r.PatchTwin(id, nil, object(t, patch), etag.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	write("d1", `{"before":"observing"}`)
	p.Observe(true)
	write("d1", `{"a":1,"gone":null,"$version":7}`)
	write("d2", `{"another":"device"}`)
	if _, err := r.PatchTwin("d1", object(t, `{"only":"tags"}`), nil, etag.Condition{}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ReplaceTwin("d1", nil, object(t, `{"b":{"c":2,"d":null}}`), etag.Condition{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`3 {"a":1,"gone":null}`, `4 {"b":{"c":2}}`} {
		change, err := p.Next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(change.Version, " ", text(t, change.Patch)); got != want {
			t.Errorf("told %s, want %s", got, want)
		}
	}
	write("d1", `{"while":"observing"}`)
	p.Observe(false)
	p.Observe(true)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, silent := range []*registry.Presence{p, deaf} {
		if change, err := silent.Next(ended); err == nil {
			t.Errorf("told %+v", change)
		}
	}
}

func TestAConnectionThatTakesNoChangesIsEnded(t *testing.T) {
	r, _ := newRegistry(t)
	create(t, r, "d1")
	var why string
	attach(t, r, "d1", func(w string) { why = w }).Observe(true)
	for i := range 1001 {
		if why != "" {
			t.Fatalf("ended after %d changes: %s", i, why)
		}
		if _, err := r.PatchTwin("d1", nil, object(t, fmt.Sprintf(`{"n":%d}`, i)), etag.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	if why == "" || r.Count().Connected != 0 {
		t.Errorf("it was not ended: %q", why)
	}
}

func TestManyWritersAndOneObserver(t *testing.T) {
	r := registry.New(registry.Options{Host: host, Clock: clock.Frozen(noon)})
	create(t, r, "d1")
	p := attach(t, r, "d1", nil)
	p.Observe(true)
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for range 100 {
				_, _ = r.PatchTwin("d1", nil, map[string]any{"a": "b"}, etag.Condition{})
				_, _ = r.Report("d1", map[string]any{"a": map[string]any{"b": "c"}}, nil)
				_ = r.List(0)
			}
		})
	}
	for want := int64(2); want <= 401; want++ {
		change, err := p.Next(context.Background())
		if err != nil || change.Version != want {
			t.Fatalf("told version %d, %v; want %d", change.Version, err, want)
		}
	}
	writers.Wait()
}
