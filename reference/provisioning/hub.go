package provisioning

import (
	"context"
	"errors"
	"strings"
)

// Hub is a linked IoT hub, as the core needs it.
type Hub interface {
	// Host is the hub's name, as devices are told it.
	Host() string
	// Assign makes sure that the identity exists with these credentials. The twin is
	// written when the identity is new, together with it; an existing twin stays.
	Assign(ctx context.Context, id Identity) error
	// Twin reads what a device takes along to another hub.
	Twin(ctx context.Context, deviceID string) (Twin, error)
	// Release removes the identity; one that is gone already is no error.
	Release(ctx context.Context, deviceID string) error
}

// Identity is a device at a hub: either two keys or one or two thumbprints
// (iot-hub.md 5).
type Identity struct {
	DeviceID                               string
	PrimaryKey, SecondaryKey               []byte
	PrimaryThumbprint, SecondaryThumbprint string // SHA-256, upper-case hexadecimal
	IoTEdge                                bool
	Twin                                   Twin
}

// Twin is the part of a device twin that DPS writes. Members are JSON objects, or nil.
// Reported goes along from hub to hub and has no other source (iot-hub.md 5, inferred).
type Twin struct{ Tags, Desired, Reported []byte }

// Errors that a Hub wraps, so that the core can tell them apart.
var (
	ErrHubUnauthorized = errors.New("the hub refused the service's credentials")
	ErrHubUnavailable  = errors.New("the hub did not answer")
)

// Link is a hub as it is linked to the service.
type Link struct {
	Hub     Hub
	Weight  int  // allocation weight, 1 to 1000
	Applies bool // takes part in allocation
}

// links are the hubs that were linked at one moment.
type links []Link

func (l links) find(host string) (Link, bool) {
	for _, one := range l {
		if strings.EqualFold(one.Hub.Host(), host) {
			return one, true
		}
	}
	return Link{}, false
}
