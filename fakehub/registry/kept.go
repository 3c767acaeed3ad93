package registry

import (
	"bytes"
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/dpslab/dpslab/internal/durable"
)

var (
	devicesBucket  = []byte("devices") // by device id
	countersBucket = []byte("counters")
	countersKey    = []byte("registry")
)

// keptDevice is a device as the data file has it, in JSON. A change of it is another
// format of the file.
type keptDevice struct {
	Identity Identity
	Writes   int64
	ModelID  string
	Tags     map[string]any
	Desired  Collection
	Reported Collection
}

// counters never go back, so that nobody sees an etag or a generation id twice.
type counters struct {
	Tag      uint64
	LastTick int64
}

// load fills an empty registry with what its file has.
func (r *Registry) load() error {
	if err := r.data.Buckets(devicesBucket, countersBucket); err != nil {
		return err
	}
	return r.data.View(func(tx *bolt.Tx) error {
		if b := tx.Bucket(countersBucket).Get(countersKey); b != nil {
			var c counters
			if err := json.Unmarshal(b, &c); err != nil {
				return fmt.Errorf("counters of the registry cannot be read: %w", err)
			}
			r.tag, r.lastTick = max(r.tag, c.Tag), c.LastTick
		}
		return tx.Bucket(devicesBucket).ForEach(func(id, b []byte) error {
			var k keptDevice
			d := json.NewDecoder(bytes.NewReader(b))
			d.UseNumber()
			if err := d.Decode(&k); err != nil {
				return fmt.Errorf("device %q cannot be read: %w", id, err)
			}
			r.devices[string(id)] = &device{
				identity:  k.Identity,
				twin:      twin{writes: k.Writes, modelID: k.ModelID, tags: k.Tags, desired: k.Desired, reported: k.Reported},
				presences: map[*Presence]struct{}{},
			}
			return nil
		})
	})
}

// keep begins to put what w changed into the data file; what is begun last is on the disk
// last. r.mu is held.
func (w *write) keep() error {
	if w.data == nil || len(w.changed) == 0 {
		return nil
	}
	texts := map[string][]byte{} // nil: the device is gone
	for id := range w.changed {
		d := w.devices[id]
		if d == nil {
			texts[id] = nil
			continue
		}
		text, err := json.Marshal(keptDevice{
			d.identity, d.twin.writes, d.twin.modelID, d.twin.tags, d.twin.desired, d.twin.reported,
		})
		if err != nil {
			return fmt.Errorf("device %q: %w", id, err)
		}
		texts[id] = text
	}
	counted, err := json.Marshal(counters{w.tag, w.lastTick})
	if err != nil {
		return err
	}
	w.newest = w.data.Begin(func(tx *bolt.Tx) error {
		b := tx.Bucket(devicesBucket)
		for id, text := range texts {
			if text == nil {
				if err := b.Delete([]byte(id)); err != nil {
					return err
				}
			} else if err := b.Put([]byte(id), text); err != nil {
				return err
			}
		}
		return tx.Bucket(countersBucket).Put(countersKey, counted)
	}, nil)
	return nil
}

// settled waits until all that an answer can be about is on the disk. An answer that was
// given before could be wrong after a power failure, a refusal too.
func settled(newest *durable.Write) error {
	if newest == nil {
		return nil
	}
	return newest.Wait()
}
