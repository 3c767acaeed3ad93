package registry

import (
	"maps"
	"slices"
	"time"

	"github.com/dpslab/dpslab/fakehub/huberror"
	"github.com/dpslab/dpslab/internal/etag"
)

// Twin returns a device's twin, or DeviceNotFound.
func (r *Registry) Twin(deviceID string) (t Twin, err error) {
	err = r.read(func() error {
		d, err := r.find(deviceID)
		if err == nil {
			t = d.twin.view(d.view())
		}
		return err
	})
	return t, err
}

// Twins returns every twin, in the order of the device ids.
func (r *Registry) Twins() []Twin {
	list := []Twin{}
	_ = r.read(func() error {
		for _, id := range slices.Sorted(maps.Keys(r.devices)) {
			d := r.devices[id]
			list = append(list, d.twin.view(d.view()))
		}
		return nil
	})
	return list
}

// PatchTwin merges into tags and desired properties; nil leaves a section alone. Null
// deletes. Connected devices are told of the desired patch as it was given.
func (r *Registry) PatchTwin(deviceID string, tags, desired map[string]any, c etag.Condition) (Twin, error) {
	return r.serviceWrite(deviceID, tags, desired, c, patch)
}

// ReplaceTwin puts tags and desired properties in the place of the old ones; nil leaves
// a section alone. Connected devices are told of the whole new desired document.
func (r *Registry) ReplaceTwin(deviceID string, tags, desired map[string]any, c etag.Condition) (Twin, error) {
	return r.serviceWrite(deviceID, tags, desired, c, replace)
}

func (r *Registry) serviceWrite(deviceID string, tags, desired map[string]any, c etag.Condition, how manner) (t Twin, err error) {
	err = r.write(func(w *write) error {
		d, err := w.find(deviceID)
		if err != nil {
			return err
		}
		if err := w.writeTwin(d, c, tags, desired, how); err != nil {
			return err
		}
		t = d.twin.view(d.view())
		return nil
	})
	return t, err
}

func (w *write) writeTwin(d *device, c etag.Condition, tags, desired map[string]any, how manner) error {
	if !c.Matches(d.twin.etag()) { // [DPS-HUB-053]
		return mismatch("twin of", d.identity.DeviceID)
	}
	return w.writeSections(d, sections{tags: tags, desired: desired}, how)
}

// Report merges a device's patch into its reported properties and returns their new
// version. A base that is not nil must be the version that the patch was made for.
func (r *Registry) Report(deviceID string, reported map[string]any, base *int64) (version int64, err error) {
	err = r.write(func(w *write) error {
		d, err := w.find(deviceID)
		if err != nil {
			return err
		}
		if base != nil && *base != d.twin.reported.Version {
			return huberror.New(huberror.PreconditionFailed, "the reported properties have version %d, not %d", d.twin.reported.Version, *base)
		}
		if err := w.writeSections(d, sections{reported: reported}, patch); err != nil {
			return err
		}
		version = d.twin.reported.Version
		return nil
	})
	return version, err
}

// manner is how a written section meets the stored one.
type manner uint8

const (
	patch manner = iota
	replace
)

// sections are the parts of a twin that one write names; nil is not named.
type sections struct{ tags, desired, reported map[string]any }

// writeSections checks and stores, and tells connected devices of a desired change.
func (w *write) writeSections(d *device, in sections, how manner) error {
	in, err := in.checked()
	if err != nil {
		return err
	}
	if how == patch {
		in = in.withoutEmpty()
	}
	next, err := d.twin.with(in, how, w.now)
	if err != nil {
		return err
	}
	if in.tags != nil || in.desired != nil {
		next.writes++
	}
	d.twin = next
	w.changed[d.identity.DeviceID] = struct{}{}
	if in.desired != nil {
		told := in.desired
		if how == replace {
			told = next.desired.Values
		}
		w.tell(d, Change{Patch: told, Version: next.desired.Version})
	}
	return nil
}

// checked returns what a client may write of the sections.
func (s sections) checked() (checked sections, err error) {
	if checked.tags, err = writable("tags", s.tags); err != nil {
		return sections{}, err
	}
	if checked.desired, err = writable("properties.desired", s.desired); err != nil {
		return sections{}, err
	}
	checked.reported, err = writable("properties.reported", s.reported)
	return checked, err
}

// withoutEmpty leaves out patches that say nothing: they are no change, and no version.
func (s sections) withoutEmpty() sections {
	for _, section := range []*map[string]any{&s.tags, &s.desired, &s.reported} {
		if len(*section) == 0 {
			*section = nil
		}
	}
	return s
}

// with returns the twin with checked sections written. t stays as it is.
func (t twin) with(in sections, how manner, now time.Time) (twin, error) {
	next := t
	if in.tags != nil {
		before := t.tags
		if how == replace {
			before = nil
		}
		next.tags, _ = merge(before, nil, in.tags, stamp{})
	}
	if in.desired != nil {
		next.desired = t.desired.written(in.desired, how, now)
	}
	if in.reported != nil {
		next.reported = t.reported.written(in.reported, how, now)
	}
	for _, section := range []struct {
		name   string
		values map[string]any
		limit  int
	}{
		{"tags", next.tags, maxTags},
		{"properties.desired", next.desired.Values, maxProperties},
		{"properties.reported", next.reported.Values, maxProperties},
	} {
		if err := checkSize(section.name, section.values, section.limit); err != nil {
			return t, err
		}
	}
	return next, nil
}
