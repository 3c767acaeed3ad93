package provisioning_test

import (
	"context"
	"errors"
	"sync"

	"github.com/dpslab/dpslab/reference/provisioning"
)

// hub is a linked hub in memory.
type hub struct {
	host string
	// before runs at the start of every Assign, whose error it decides.
	before func(ctx context.Context, id provisioning.Identity) error

	mu         sync.Mutex
	writes     int // calls of Assign
	identities map[string]provisioning.Identity
	noTwin     bool          // Twin fails
	noRelease  bool          // Release fails
	silent     chan struct{} // Twin and Release are told here, and not answered
}

func newHub(name string) *hub {
	return &hub{host: name + ".azure-devices.net", identities: map[string]provisioning.Identity{}}
}

func (h *hub) Host() string { return h.host }

func (h *hub) Assign(ctx context.Context, id provisioning.Identity) error {
	h.mu.Lock()
	h.writes++
	h.mu.Unlock()
	if h.before != nil {
		if err := h.before(ctx, id); err != nil {
			return err
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if had, exists := h.identities[id.DeviceID]; exists {
		id.Twin = had.Twin
	}
	h.identities[id.DeviceID] = id
	return nil
}

func (h *hub) Twin(ctx context.Context, deviceID string) (provisioning.Twin, error) {
	if h.silent != nil {
		h.silent <- struct{}{}
		<-ctx.Done()
		return provisioning.Twin{}, ctx.Err()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	id, exists := h.identities[deviceID]
	if !exists || h.noTwin {
		return provisioning.Twin{}, errors.New("the hub has no such twin")
	}
	return id.Twin, nil
}

func (h *hub) Release(ctx context.Context, deviceID string) error {
	if h.silent != nil {
		h.silent <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.noRelease {
		return provisioning.ErrHubUnavailable
	}
	delete(h.identities, deviceID)
	return nil
}

// identity is what the hub knows of a device, and whether it knows it.
func (h *hub) identity(deviceID string) (provisioning.Identity, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	id, ok := h.identities[deviceID]
	return id, ok
}

func (h *hub) written() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.writes
}

// reports sets what the device's twin has become.
func (h *hub) reports(deviceID string, twin provisioning.Twin) {
	h.mu.Lock()
	defer h.mu.Unlock()
	id := h.identities[deviceID]
	id.Twin = twin
	h.identities[deviceID] = id
}

// gate makes a hub wait: entered is sent to when a write begins, and open lets it go on.
type gate struct {
	entered chan struct{}
	open    chan struct{}
}

func (h *hub) gated() gate {
	g := gate{entered: make(chan struct{}, 16), open: make(chan struct{})}
	h.before = func(ctx context.Context, _ provisioning.Identity) error {
		g.entered <- struct{}{}
		select {
		case <-g.open:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return g
}
