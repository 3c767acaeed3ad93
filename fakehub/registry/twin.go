package registry

import (
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/dpslab/dpslab/internal/etag"
)

// Twin is a device's twin together with its identity, at one moment (iot-hub.md 4.3).
// JSON values are as encoding/json decodes them with UseNumber. Everything below the
// top is shared with the registry: it must not be changed.
type Twin struct {
	Identity Identity
	ETag     etag.ETag
	Version  int64 // counts with ETag: writes of tags and desired properties
	ModelID  string
	Tags     map[string]any
	Desired  Collection
	Reported Collection
}

// Collection is the desired or the reported half of a twin.
type Collection struct {
	Values   map[string]any
	Metadata *Metadata // mirrors Values at every level
	Version  int64     // 1 in a fresh twin, then plus one with every write
}

// Metadata says when, and with which version of the collection, a value was last written.
type Metadata struct {
	Updated time.Time
	Version int64
	Members map[string]*Metadata // nil for a value that is no object
}

// twin is what the registry stores of a Twin. Its maps are never changed once stored:
// a write builds new ones, so that a reader needs no lock and a refused write leaves nothing.
type twin struct {
	writes   int64 // of tags and desired properties; 1 in a fresh twin
	modelID  string
	tags     map[string]any
	desired  Collection
	reported Collection
}

// newTwin returns a fresh twin that holds the sections which are given, at version 1.
func newTwin(in sections, now time.Time) (twin, error) {
	in, err := in.checked()
	if err != nil {
		return twin{}, err
	}
	for _, section := range []*map[string]any{&in.tags, &in.desired, &in.reported} {
		if *section == nil {
			*section = map[string]any{}
		}
	}
	return twin{writes: 1}.with(in, replace, now)
}

// etag is the base64 of a big-endian counter: AAAAAAAAAAE= for a fresh twin.
func (t twin) etag() etag.ETag {
	return etag.ETag(base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, uint64(t.writes))))
}

func (t twin) view(i Identity) Twin {
	return Twin{
		// A fresh twin is documented with etag AAAAAAAAAAE= and version 2.
		Identity: i, ETag: t.etag(), Version: t.writes + 1, ModelID: t.modelID,
		Tags: t.tags, Desired: t.desired, Reported: t.reported,
	}
}

// written returns the collection after a write, one version on.
func (c Collection) written(in map[string]any, how manner, now time.Time) Collection {
	next := Collection{Version: c.Version + 1} // [DPS-HUB-054]
	if how == replace {
		c = Collection{}
	}
	next.Values, next.Metadata = merge(c.Values, c.Metadata, in, stamp{now, next.Version})
	return next
}

type stamp struct {
	at      time.Time
	version int64
}

// merge applies a JSON merge patch: null deletes, objects merge, anything else replaces.
// Every object on the way to a change gets the stamp. The arguments stay as they are.
func merge(values map[string]any, metadata *Metadata, patch map[string]any, s stamp) (map[string]any, *Metadata) {
	merged := make(map[string]any, len(values)+len(patch))
	for name, value := range values {
		merged[name] = value
	}
	members := make(map[string]*Metadata, len(merged))
	if metadata != nil {
		for name, m := range metadata.Members {
			members[name] = m
		}
	}
	for name, value := range patch {
		switch value := value.(type) {
		case nil: // [DPS-HUB-033] [DPS-HUB-051]
			delete(merged, name)
			delete(members, name)
		case map[string]any:
			old, isObject := merged[name].(map[string]any)
			var below *Metadata
			if isObject {
				below = members[name]
			}
			merged[name], members[name] = merge(old, below, value, s)
		default:
			merged[name] = value
			members[name] = &Metadata{Updated: s.at, Version: s.version}
		}
	}
	return merged, &Metadata{Updated: s.at, Version: s.version, Members: members}
}
