package registry

import (
	"github.com/dpslab/dpslab/fakehub/huberror"
	"github.com/dpslab/dpslab/internal/durable"
	"github.com/dpslab/dpslab/internal/etag"
)

// Mode is what an Item does.
type Mode uint8

const (
	ModeCreate         Mode = iota // an id that exists is DeviceAlreadyExists
	ModeUpdate                     // an id that does not is DeviceNotFound
	ModeCreateOrUpdate             // either
	ModeDelete
	ModeUpdateTwin // patches the twin; the identity stays
)

// Item writes an identity, its twin, or both in one step (iot-hub.md 4.2, bulk). In all
// modes but ModeDelete and ModeUpdateTwin, a twin section that is not nil becomes the
// whole of that section; with ModeUpdateTwin tags and desired properties are patched.
type Item struct {
	Mode     Mode
	Identity Identity
	If       etag.Condition // on the identity's etag, for update and delete

	Tags     map[string]any
	Desired  map[string]any
	Reported map[string]any // what a device said at the hub that it leaves
	TwinIf   etag.Condition // on the twin's etag, for ModeUpdateTwin
}

// Result tells what became of one Item; Err is nil or a *huberror.Error.
type Result struct {
	DeviceID string
	Err      error
}

// Apply does the items one by one, in order. One that fails changes nothing and does not
// keep the others from being done. A device that is named twice fails the second time.
func (r *Registry) Apply(items []Item) []Result {
	results := make([]Result, 0, len(items))
	kept := make([]*durable.Write, 0, len(items)) // begun one by one, and waited for together
	seen := map[string]bool{}
	for _, i := range items {
		id := i.Identity.DeviceID
		var err error
		var newest *durable.Write
		if seen[id] {
			err = huberror.New(huberror.DeviceDefinedMultipleTimes, "the device %q is named more than once", id)
		} else {
			newest, err = r.begin(func(w *write) error { return w.apply(i) })
		}
		seen[id] = true
		results, kept = append(results, Result{id, err}), append(kept, newest)
	}
	for n, newest := range kept {
		if err := settled(newest); err != nil && results[n].Err == nil {
			results[n].Err = huberror.From(err)
		}
	}
	return results
}

func (w *write) apply(i Item) error {
	id := i.Identity.DeviceID
	d := w.devices[id]
	if d == nil && i.Mode != ModeCreate && i.Mode != ModeCreateOrUpdate {
		if err := checkID(id); err != nil {
			return err
		}
		_, err := w.find(id)
		return err
	}
	if d != nil && i.Mode == ModeCreate { // [DPS-HUB-041]
		return huberror.New(huberror.DeviceAlreadyExists, "a device %q is already registered", id)
	}
	if d != nil && !i.If.Matches(d.identity.ETag) { // [DPS-HUB-042]
		return mismatch("device", id)
	}
	switch i.Mode {
	case ModeDelete:
		w.remove(d)
		return nil
	case ModeUpdateTwin:
		return w.writeTwin(d, i.TwinIf, i.Tags, i.Desired, patch)
	}
	return w.store(d, i)
}

// store puts an identity and what the item says of its twin; d is nil for a new device.
func (w *write) store(d *device, i Item) error {
	var old *Identity
	if d != nil {
		old = &d.identity
	}
	identity, err := normalise(i.Identity, old, w.random)
	if err != nil {
		return err
	}
	named := sections{tags: i.Tags, desired: i.Desired, reported: i.Reported}
	if d == nil {
		fresh, err := newTwin(named, w.now)
		if err != nil {
			return err
		}
		identity.GenerationID = w.nextGeneration(w.now)
		d = &device{twin: fresh, presences: map[*Presence]struct{}{}}
		w.devices[identity.DeviceID] = d
	} else {
		if err := w.writeSections(d, named, replace); err != nil {
			return err
		}
		identity.GenerationID = old.GenerationID
		identity.StatusUpdated = old.StatusUpdated
		identity.ConnectionUpdated, identity.LastActivity = old.ConnectionUpdated, old.LastActivity
		if identity.Status != old.Status {
			identity.StatusUpdated = w.now
		}
	}
	if identity.Edge && identity.DeviceScope == "" {
		identity.DeviceScope = "ms-azure-iot-edge://" + identity.DeviceID + "-" + identity.GenerationID
	}
	identity.ETag = w.nextTag()
	d.identity = identity
	w.changed[identity.DeviceID] = struct{}{}
	if identity.Status == Disabled {
		w.revoke(d, "the device was disabled")
	}
	return nil
}

func (w *write) remove(d *device) {
	delete(w.devices, d.identity.DeviceID)
	w.changed[d.identity.DeviceID] = struct{}{}
	w.revoke(d, "the device was deleted")
}

func mismatch(what, id string) error {
	return huberror.New(huberror.PreconditionFailed, "the etag given for the %s %q is not its etag; read it again", what, id)
}
