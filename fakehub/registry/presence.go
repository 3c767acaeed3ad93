package registry

import "context"

// Change is one write of a device's desired properties.
type Change struct {
	// Patch is what the service wrote, nulls kept; after a replacement the whole new
	// document. It must not be changed.
	Patch   map[string]any
	Version int64
}

// maxChanges is how many changes may wait for one connection that does not take them.
const maxChanges = 1000

// Presence is one connection of a device.
type Presence struct {
	Identity Identity // when the connection was attached

	registry *Registry
	device   *device
	revoked  func(why string)
	wake     chan struct{} // holds one token when changes is not empty or may have become so

	// The rest is guarded by registry.mu.
	observing bool
	changes   []Change
}

// Attach counts a connection of a device that authenticated. A device that was deleted
// or disabled in between is a *Refusal. modelID, when not empty, is noted in the twin.
// revoked is called, at most once and without locks, when the identity is disabled or
// deleted, or when the connection leaves too many changes lying.
func (r *Registry) Attach(deviceID, modelID string, revoked func(why string)) (*Presence, error) {
	p := &Presence{registry: r, revoked: revoked, wake: make(chan struct{}, 1)}
	err := r.write(func(w *write) error {
		d, known := r.devices[deviceID]
		switch {
		case !known:
			return &Refusal{deviceID, UnknownDevice}
		case d.identity.Status == Disabled:
			return &Refusal{deviceID, DeviceDisabled}
		}
		if modelID != "" && modelID != d.twin.modelID {
			d.twin.modelID = modelID
			w.changed[deviceID] = struct{}{}
		}
		if len(d.presences) == 0 {
			d.identity.ConnectionUpdated = w.now
		}
		d.identity.LastActivity = w.now
		d.presences[p] = struct{}{}
		p.device, p.Identity = d, d.view()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Close ends the presence. A second Close does nothing.
func (p *Presence) Close() {
	_ = p.registry.write(func(w *write) error {
		d := p.device
		if _, attached := d.presences[p]; attached {
			delete(d.presences, p)
			d.identity.LastActivity = w.now
			if len(d.presences) == 0 {
				d.identity.ConnectionUpdated = w.now
			}
		}
		return nil
	})
}

// Active notes that the device did something.
func (p *Presence) Active() {
	now := p.registry.clock.Now()
	p.registry.mu.Lock()
	defer p.registry.mu.Unlock()
	p.device.identity.LastActivity = now
}

// Observe starts or stops the collecting of desired changes for Next.
func (p *Presence) Observe(on bool) {
	p.registry.mu.Lock()
	defer p.registry.mu.Unlock()
	p.observing = on
	if !on {
		p.changes = nil
	}
}

// Next waits for the next observed change. They come in the order of their versions.
func (p *Presence) Next(ctx context.Context) (Change, error) {
	for {
		if c, ok := p.take(); ok {
			return c, nil
		}
		select {
		case <-ctx.Done():
			return Change{}, ctx.Err()
		case <-p.wake:
		}
	}
}

func (p *Presence) take() (Change, bool) {
	p.registry.mu.Lock()
	defer p.registry.mu.Unlock()
	if len(p.changes) == 0 {
		return Change{}, false
	}
	c := p.changes[0]
	p.changes = p.changes[1:]
	return c, true
}

// tell queues the change for every connection of the device that observes.
func (w *write) tell(d *device, c Change) {
	for p := range d.presences {
		if !p.observing {
			continue
		}
		if len(p.changes) == maxChanges {
			w.drop(d, p, "the device does not take its desired changes")
			continue
		}
		p.changes = append(p.changes, c)
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
}

// revoke ends every connection of the device.
func (w *write) revoke(d *device, why string) {
	if len(d.presences) > 0 {
		d.identity.ConnectionUpdated = w.now
	}
	for p := range d.presences {
		w.drop(d, p, why)
	}
}

func (w *write) drop(d *device, p *Presence, why string) {
	delete(d.presences, p)
	w.later = append(w.later, func() { p.revoked(why) })
}
