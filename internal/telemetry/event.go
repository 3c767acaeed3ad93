// Package telemetry keeps the newest device-to-cloud messages of one hub, in the order
// in which the hub accepted them. Device fronts write it; the control port and the
// Event-Hub-compatible endpoint read it.
package telemetry

import (
	"maps"
	"slices"
	"time"
)

// Event is one accepted message.
type Event struct {
	// Seq counts the messages of the hub from 1. Append sets it.
	Seq      uint64
	DeviceID string
	// EnqueuedTime is when the hub accepted the message, by the hub's clock. Append sets it.
	EnqueuedTime time.Time
	Body         []byte
	// Properties are the application properties. A nil value is a name that came without
	// one; an empty string is an empty value (iot-hub.md 1.5).
	Properties map[string]*string
	// SystemProperties have the names that an Event-Hub-compatible endpoint gives them:
	// message-id, content-type, iothub-connection-device-id, … (event-hubs.md 6.2).
	SystemProperties map[string]string
}

// clone copies what the sender could still change.
func (e Event) clone() Event {
	e.Body = slices.Clone(e.Body)
	e.Properties = maps.Clone(e.Properties)
	e.SystemProperties = maps.Clone(e.SystemProperties)
	return e
}

// size is the memory the event takes, roughly.
func (e Event) size() int {
	n := 128 + len(e.DeviceID) + len(e.Body)
	for k, v := range e.Properties {
		n += len(k) + 16
		if v != nil {
			n += len(*v)
		}
	}
	for k, v := range e.SystemProperties {
		n += len(k) + len(v) + 16
	}
	return n
}

// Filter selects events. The zero Filter selects all.
type Filter struct {
	DeviceID string // exactly this device; device ids are case-sensitive
	After    uint64 // only events with a higher Seq
}

func (f Filter) selects(e Event) bool {
	return e.Seq > f.After && (f.DeviceID == "" || f.DeviceID == e.DeviceID)
}
