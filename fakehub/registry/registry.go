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
	"github.com/dpslab/dpslab/internal/etag"
)

// MaxListed is how many identities List returns at most (iot-hub.md 4.2).
const MaxListed = 1000

// Options make a registry. Host is required.
type Options struct {
	Host   string      // the hub's host name: what a device's token names
	Clock  clock.Clock // nil: the system's
	Random io.Reader   // generates keys; nil: crypto/rand
}

// Registry holds the devices of one hub.
type Registry struct {
	host   string
	clock  clock.Clock
	random io.Reader

	mu       sync.Mutex
	devices  map[string]*device
	tag      uint64 // the newest identity etag
	lastTick int64  // the newest generation id
}

type device struct {
	identity  Identity
	twin      twin
	presences map[*Presence]struct{}
}

// New returns an empty registry.
func New(o Options) *Registry {
	if o.Clock == nil {
		o.Clock = clock.System()
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	return &Registry{
		host: strings.ToLower(o.Host), clock: o.Clock, random: o.Random,
		devices: map[string]*device{}, tag: uint64(o.Clock.Now().UnixMilli()),
	}
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
func (r *Registry) Get(deviceID string) (Identity, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d, err := r.find(deviceID)
	if err != nil {
		return Identity{}, err
	}
	return d.view(), nil
}

// List returns at most top identities in the order of their ids; top 0 is MaxListed.
func (r *Registry) List(top int) []Identity {
	if top <= 0 || top > MaxListed {
		top = MaxListed
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	list := []Identity{}
	for _, id := range slices.Sorted(maps.Keys(r.devices)) {
		if len(list) == top {
			break
		}
		list = append(list, r.devices[id].view())
	}
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
	now   time.Time
	later []func()
}

func (r *Registry) write(f func(w *write) error) error {
	w := &write{Registry: r, now: r.clock.Now()}
	r.mu.Lock()
	err := f(w)
	r.mu.Unlock()
	for _, do := range w.later {
		do()
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
