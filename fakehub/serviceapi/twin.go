package serviceapi

import (
	"github.com/dpslab/dpslab/fakehub/registry"
	"github.com/dpslab/dpslab/internal/etag"
	"github.com/dpslab/dpslab/internal/point"
)

// Precondition is passed by every If-Match before it is held against a record.
var Precondition = point.Define[Match]("hub.service-precondition")

// Match is an If-Match at Precondition.
type Match struct {
	Ignore bool // treat it as one that holds
}

func (q *request) bent(c etag.Condition) etag.Condition {
	m := Match{}
	Precondition.Hit(q.Context(), q.api.Points, q.at(q.Context()), &m)
	if m.Ignore {
		return etag.Condition{}
	}
	return c
}

// TwinWriting is passed by every write of a twin that was read from its request.
var TwinWriting = point.Define[TwinWrite]("hub.service-twin-writing")

// TwinWrite is a write at TwinWriting.
type TwinWrite struct {
	Replace bool // what was there goes, or else what is written is merged into it
}

// document is the twin JSON (iot-hub.md 4.3), as an object so that a query sees what a
// reader gets.
func document(t registry.Twin) map[string]any {
	i := t.Identity
	doc := map[string]any{
		"deviceId": i.DeviceID, "etag": string(t.ETag), "deviceEtag": string(i.ETag),
		"status": string(i.Status), "statusUpdateTime": text(timestamp(i.StatusUpdated)),
		"connectionState": connectionState(i), "lastActivityTime": text(timestamp(i.LastActivity)),
		"cloudToDeviceMessageCount": 0, "authenticationType": string(i.Authentication.Type),
		"x509Thumbprint": map[string]any{
			"primaryThumbprint":   nullable(i.Authentication.Thumbprints.Primary),
			"secondaryThumbprint": nullable(i.Authentication.Thumbprints.Secondary),
		},
		"modelId": t.ModelID, "version": t.Version,
		"tags": t.Tags,
		"properties": map[string]any{
			"desired":  collection(t.Desired, true),
			"reported": collection(t.Reported, false),
		},
		"capabilities": map[string]any{"iotEdge": i.Edge},
	}
	if i.StatusReason != "" {
		doc["statusReason"] = i.StatusReason
	}
	if i.DeviceScope != "" {
		doc["deviceScope"] = i.DeviceScope
	}
	if len(i.ParentScopes) > 0 {
		doc["parentScopes"] = i.ParentScopes
	}
	return doc
}

// nullable is null for an empty text.
func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func text(t timestamp) string {
	b, _ := t.MarshalText()
	return string(b)
}

func collection(c registry.Collection, desired bool) map[string]any {
	doc := make(map[string]any, len(c.Values)+2)
	for name, value := range c.Values {
		doc[name] = value
	}
	doc["$metadata"] = metadata(c.Metadata, desired)
	doc["$version"] = c.Version
	return doc
}

// metadata renders the mirror of a collection. Only desired properties carry versions.
func metadata(m *registry.Metadata, desired bool) map[string]any {
	doc := make(map[string]any, len(m.Members)+2)
	for name, below := range m.Members {
		doc[name] = metadata(below, desired)
	}
	doc["$lastUpdated"] = text(timestamp(m.Updated))
	if desired {
		doc["$lastUpdatedVersion"] = m.Version
	}
	return doc
}

// writtenTwin is what a client may set of a twin. Null is as good as absent, and whatever
// else a twin holds that was read and is written back is ignored.
type writtenTwin struct {
	Tags       map[string]any `json:"tags"`
	Properties struct {
		Desired  map[string]any `json:"desired"`
		Reported map[string]any `json:"reported"` // taken in a bulk import only
	} `json:"properties"`
}

// getTwin answers with a twin. [DPS-HUB-050]
func getTwin(q *request) (reply, error) {
	t, err := q.api.Registry.Twin(q.deviceID)
	if err != nil {
		return reply{}, err
	}
	return ok(document(t))
}

func patchTwin(q *request) (reply, error) { return writeTwin(q, false) }

// replaceTwin replaces what it is given of tags and desired properties. [DPS-HUB-052]
func replaceTwin(q *request) (reply, error) { return writeTwin(q, true) }

func writeTwin(q *request, replace bool) (reply, error) {
	condition, _, err := q.condition()
	if err != nil {
		return reply{}, err
	}
	var in writtenTwin
	if err := q.read(maxBody, &in); err != nil {
		return reply{}, err
	}
	w := TwinWrite{Replace: replace}
	TwinWriting.Hit(q.Context(), q.api.Points, q.at(q.Context()), &w)
	write := q.api.Registry.PatchTwin
	if w.Replace {
		write = q.api.Registry.ReplaceTwin
	}
	t, err := write(q.deviceID, in.Tags, in.Properties.Desired, condition)
	if err != nil {
		return reply{}, err
	}
	return ok(document(t))
}
