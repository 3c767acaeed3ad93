// Package registry is the memory of one hub: device identities, their twins, and who is
// connected. It decides what may be written and who may come in, and knows no
// transport; the fronts encode what it returns.
//
// Every write is all or nothing: it is checked and built aside, then stored. Failures
// are *huberror.Error, those of Authenticate *Refusal.
package registry

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dpslab/dpslab/fakehub/huberror"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/durable"
	"github.com/dpslab/dpslab/internal/etag"
)

// MaxListed is how many identities List returns at most (iot-hub.md 4.2).
const MaxListed = 1000

// Options make a registry. Host is required.
type Options struct {
	Host   string      // the hub's host name: what a device's token names
	Clock  clock.Clock // nil: the system's
	Random io.Reader   // generates keys; nil: crypto/rand
	// Data keeps identities and twins: a write is on the disk before it returns, and so is
	// what a read returns. Who is connected is not kept. nil: all is in memory.
	Data *durable.File
}

// Registry holds the devices of one hub.
type Registry struct {
	host   string
	clock  clock.Clock
	random io.Reader
	data   *durable.File

	mu       sync.Mutex
	devices  map[string]*device
	tag      uint64 // the newest identity etag
	lastTick int64  // the newest generation id
	newest   *durable.Write
}

type device struct {
	identity  Identity
	twin      twin
	presences map[*Presence]struct{}
}

// New returns an empty registry in memory.
func New(o Options) *Registry {
	o.Data = nil
	r, _ := Open(o) // never fails without a file
	return r
}

// Open returns a registry with what its data file has.
func Open(o Options) (*Registry, error) {
	if o.Clock == nil {
		o.Clock = clock.System()
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	r := &Registry{
		host: strings.ToLower(o.Host), clock: o.Clock, random: o.Random, data: o.Data,
		devices: map[string]*device{}, tag: uint64(o.Clock.Now().UnixMilli()),
	}
	if r.data == nil {
		return r, nil
	}
	return r, r.load()
}

// Create stores a new identity with a fresh twin and returns it as stored: keys that
// were not given are generated. An id that exists is DeviceAlreadyExists.
func (r *Registry) Create(in Identity) (Identity, error) {
	return r.put(Item{Mode: ModeCreate, Identity: in})
}

// Update replaces an identity and keeps its twin. What in leaves empty of status and
// authentication stays. A condition that does not hold is PreconditionFailed.
func (r *Registry) Update(in Identity, c etag.Condition) (Identity, error) {
	return r.put(Item{Mode: ModeUpdate, Identity: in, If: c})
}

func (r *Registry) put(i Item) (stored Identity, err error) {
	err = r.write(func(w *write) error {
		if err := w.apply(i); err != nil {
			return err
		}
		stored = r.devices[i.Identity.DeviceID].view()
		return nil
	})
	return stored, err
}

// Get returns an identity, or DeviceNotFound.
func (r *Registry) Get(deviceID string) (i Identity, err error) {
	err = r.read(func() error {
		d, err := r.find(deviceID)
		if err == nil {
			i = d.view()
		}
		return err
	})
	return i, err
}

// List returns at most top identities in the order of their ids; top 0 is MaxListed.
func (r *Registry) List(top int) []Identity {
	if top <= 0 || top > MaxListed {
		top = MaxListed
	}
	list := []Identity{}
	_ = r.read(func() error {
		for _, id := range slices.Sorted(maps.Keys(r.devices)) {
			if len(list) == top {
				break
			}
			list = append(list, r.devices[id].view())
		}
		return nil
	})
	return list
}

// Delete removes an identity with its twin and ends its connections.
func (r *Registry) Delete(deviceID string, c etag.Condition) error {
	return r.write(func(w *write) error {
		return w.apply(Item{Mode: ModeDelete, Identity: Identity{DeviceID: deviceID}, If: c})
	})
}

// Counts says how many devices there are.
type Counts struct{ Total, Enabled, Disabled, Connected int }

// Count counts the devices.
func (r *Registry) Count() Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := Counts{Total: len(r.devices)}
	for _, d := range r.devices {
		if d.identity.Status == Enabled {
			c.Enabled++
		}
		if len(d.presences) > 0 {
			c.Connected++
		}
	}
	c.Disabled = c.Total - c.Enabled
	return c
}

// find returns the device or DeviceNotFound. r.mu is held.
func (r *Registry) find(deviceID string) (*device, error) {
	d, ok := r.devices[deviceID] // letter case and all [DPS-HUB-049]
	if !ok {
		return nil, huberror.New(huberror.DeviceNotFound, "the device %q is not registered", deviceID)
	}
	return d, nil
}

// view is the identity with its connection state.
func (d *device) view() Identity {
	i := d.identity
	i.Connected = len(d.presences) > 0
	return i
}

// write is one change under the registry's lock, and what it leaves to be done outside.
type write struct {
	*Registry
	now     time.Time
	changed map[string]struct{} // ids of devices that the data file must learn of
	later   []func()
}

// write makes a change and returns when it is kept.
func (r *Registry) write(f func(w *write) error) error {
	newest, err := r.begin(f)
	if lost := settled(newest); lost != nil {
		return lost
	}
	return err
}

// begin makes a change, which is kept when what it returns is done.
func (r *Registry) begin(f func(w *write) error) (*durable.Write, error) {
	w := &write{Registry: r, now: r.clock.Now(), changed: map[string]struct{}{}}
	r.mu.Lock()
	err := f(w)
	if lost := w.keep(); lost != nil {
		err = lost
	}
	newest := r.newest
	r.mu.Unlock()
	for _, do := range w.later {
		do()
	}
	return newest, err
}

// read looks at devices and returns when all that it could see is kept.
func (r *Registry) read(f func() error) error {
	r.mu.Lock()
	err := f()
	newest := r.newest
	r.mu.Unlock()
	if lost := settled(newest); lost != nil {
		return lost
	}
	return err
}

// nextTag returns an identity etag that this registry never gave before: base64 of digits.
func (r *Registry) nextTag() etag.ETag {
	r.tag++
	return etag.ETag(base64.StdEncoding.EncodeToString([]byte(strconv.FormatUint(r.tag, 10))))
}

// nextGeneration returns a generation id: .NET ticks (100 ns since the year 1), which
// never repeat.
func (r *Registry) nextGeneration(now time.Time) string {
	const unixEpoch = 62135596800 // seconds from the year 1
	tick := (now.Unix()+unixEpoch)*1e7 + int64(now.Nanosecond()/100)
	r.lastTick = max(tick, r.lastTick+1)
	return fmt.Sprint(r.lastTick)
}
