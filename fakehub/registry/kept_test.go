package registry_test

import (
	"path/filepath"
	"reflect"
	"testing"

	"github.com/dpslab/dpslab/fakehub/huberror"
	"github.com/dpslab/dpslab/fakehub/registry"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/durable"
	"github.com/dpslab/dpslab/internal/etag"
)

// kept opens the registry in a file; close ends it, as the end of its process would.
func kept(t *testing.T, path string) (r *registry.Registry, close func()) {
	t.Helper()
	f, err := durable.Open(path, durable.Identity{Format: "test 1", Owner: "hub-1"})
	if err != nil {
		t.Fatal(err)
	}
	r, err = registry.Open(registry.Options{Host: host, Clock: clock.NewMovable(clock.Frozen(noon)), Data: f})
	if err != nil {
		t.Fatal(err)
	}
	return r, func() {
		t.Helper()
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestARegistryIsTheSameInTheNextProcess does every kind of write, opens the file anew
// after each, and compares all that the hub would answer.
func TestARegistryIsTheSameInTheNextProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	for _, step := range []struct {
		about string
		write func(r *registry.Registry) error
	}{
		{"a new device", func(r *registry.Registry) error {
			_, err := r.Create(registry.Identity{DeviceID: "d1", Edge: true, ParentScopes: []string{"ms-azure-iot-edge://p-1"}, StatusReason: "new"})
			return err
		}},
		{"a device with its twin in one bulk call, beside one that is refused", func(r *registry.Registry) error {
			results := r.Apply([]registry.Item{
				{Mode: registry.ModeCreate, Identity: registry.Identity{DeviceID: "D2", Authentication: registry.Authentication{
					Thumbprints: registry.Thumbprints{Primary: "00112233445566778899aabbccddeeff00112233"}}},
					Tags: object(t, `{"site":{"floor":1.50}}`), Desired: object(t, `{"o":{},"l":[1,{"a":null}],"big":1e3}`), Reported: object(t, `{"fw":"1"}`)},
				{Mode: registry.ModeCreate, Identity: registry.Identity{DeviceID: "d1"}},
			})
			if !huberror.Is(results[1].Err, huberror.DeviceAlreadyExists) {
				t.Errorf("the second item: %v", results[1].Err)
			}
			return results[0].Err
		}},
		{"an update that disables", func(r *registry.Registry) error {
			_, err := r.Update(registry.Identity{DeviceID: "d1", Status: registry.Disabled}, etag.Condition{})
			return err
		}},
		{"a patch", func(r *registry.Registry) error {
			_, err := r.PatchTwin("D2", nil, object(t, `{"o":{"p":true},"big":null}`), etag.Condition{})
			return err
		}},
		{"a replacement", func(r *registry.Registry) error {
			_, err := r.ReplaceTwin("d1", object(t, `{"t":"é\u0001"}`), object(t, `{}`), etag.Condition{})
			return err
		}},
		{"a report", func(r *registry.Registry) error {
			_, err := r.Report("D2", object(t, `{"fw":"2"}`), nil)
			return err
		}},
		{"the model of a device that connected", func(r *registry.Registry) error {
			_, err := r.Attach("D2", "dtmi:demo:thing;1", func(string) {})
			return err
		}},
		{"a delete", func(r *registry.Registry) error { return r.Delete("d1", etag.Condition{}) }},
	} {
		r, end := kept(t, path)
		if err := step.write(r); err != nil {
			t.Fatalf("%s: %v", step.about, err)
		}
		before := answers(r)
		end()
		r, end = kept(t, path)
		if after := answers(r); !reflect.DeepEqual(before, after) {
			t.Errorf("%s:\n got %+v\nwant %+v", step.about, after, before)
		}
		end()
	}
}

// answers is what the hub says of all devices, but for who is connected, which ends with
// the process.
func answers(r *registry.Registry) []registry.Twin {
	list := r.Twins()
	for i := range list {
		list[i].Identity.Connected = false
	}
	return list
}

func TestTagsAndGenerationsNeverComeAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	tags, generations := map[etag.ETag]bool{}, map[string]bool{}
	for range 3 { // the clock stands still: only what was kept tells them apart
		r, end := kept(t, path)
		for range 2 {
			i := create(t, r, "d1")
			if tags[i.ETag] || generations[i.GenerationID] {
				t.Errorf("etag %s or generation %s was given before", i.ETag, i.GenerationID)
			}
			tags[i.ETag], generations[i.GenerationID] = true, true
			if err := r.Delete("d1", etag.Condition{}); err != nil {
				t.Fatal(err)
			}
		}
		end()
	}
}

func TestAWriteThatCannotBeKeptIsNotAcknowledged(t *testing.T) {
	r, end := kept(t, filepath.Join(t.TempDir(), "hub.db"))
	create(t, r, "d1")
	end()
	if _, err := r.PatchTwin("d1", object(t, `{"a":1}`), nil, etag.Condition{}); err == nil {
		t.Error("a patch was acknowledged that nobody kept")
	}
	if _, err := r.Twin("d1"); err == nil {
		t.Error("a twin was shown that nobody kept")
	}
	if results := r.Apply([]registry.Item{{Identity: registry.Identity{DeviceID: "d2"}}}); results[0].Err == nil {
		t.Error("a bulk write was acknowledged that nobody kept")
	}
}
