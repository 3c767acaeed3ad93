package harness

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
)

// settleLook is how long clean-up waits before it looks again at a registration that is
// still assigning.
const settleLook = 500 * time.Millisecond

// unregister removes at the end what the registration of a device left in a service that
// outlives the check: the registration and the identity at the hub. A device whose check
// ended while it was assigning is waited for; else its identity would appear when nobody
// looks any more.
//
// d is nil for a device whose credentials are not known. Without a service API it is by
// them alone that anybody can tell when a registration is over.
func (s *Service) unregister(t *T, registrationID string, d *Device) {
	if !s.shared {
		return
	}
	t.mu.Lock()
	t.unregistered = append(t.unregistered, registrationID)
	t.mu.Unlock()
	t.Cleanup(func(ctx context.Context) {
		hubs, deviceID := s.Hubs, registrationID
		switch {
		case s.API == nil && d != nil:
			d.settle(ctx, t)
		case s.API != nil:
			state, there := s.settled(ctx, t, registrationID)
			if !there && !t.mayHaveRegistered(registrationID) {
				return
			}
			if id, _ := state["deviceId"].(string); id != "" {
				deviceID = id
			}
			if host, _ := state["assignedHub"].(string); host != "" {
				hubs = nil
				if h := s.Hub(host); h != nil {
					hubs = []*Hub{h}
				}
			}
		}
		for _, h := range hubs {
			h.remove(t, deviceID)
		}
		s.remove(t, devwire.RegistrationPath(registrationID))
	})
}

// unregisterOthers removes at the end what devices left that registered by another id than
// the one they were made with: a check may change it.
func (s *Service) unregisterOthers(t *T) {
	t.Cleanup(func(context.Context) {
		t.mu.Lock()
		var others []string
		for id := range t.registering {
			if !slices.ContainsFunc(t.unregistered, func(known string) bool { return strings.EqualFold(known, id) }) {
				others = append(others, id)
			}
		}
		t.mu.Unlock()
		for _, id := range others {
			s.unregister(t, id, nil)
		}
	})
}

// settled is the state of a registration that is not assigning, as far as clean-up has time
// to wait for that.
func (s *Service) settled(ctx context.Context, t *T, registrationID string) (state Members, there bool) {
	path := devwire.RegistrationPath(registrationID)
	again := t.mayHaveRegistered(registrationID) // once more when there is nothing yet
	for {
		var answer devwire.HTTPResponse
		t.unthrottled(ctx, s.env, "look for "+path, func() (int, time.Duration) {
			var err error
			answer, err = s.API.Do(ctx, devwire.ServiceRequest{Method: http.MethodGet, Path: path})
			t.Must(err, "look for "+path)
			return answer.Status, retryAfter(answer)
		})
		if there = answer.Status/100 == 2; there {
			state, _ = answer.JSON()
		}
		if there && state["status"] != "assigning" || !there && !again {
			return state, there
		}
		again = again && there
		if clock.Wait(ctx, s.env.Wire.Clock, settleLook) != nil {
			return state, there
		}
	}
}

// settle waits until no registration of the device is under way, by registering once more
// where a check did not see the end: one that comes too early is answered with 409. Nobody
// meets a device of a ready-made group again, whose id was its check's own.
func (d *Device) settle(ctx context.Context, t *T) {
	if d.Service.env.pool != nil && d.Record[OfGroup.IDMember()] != nil {
		return
	}
	for t.pending(d.RegistrationID) {
		conn, err := d.Service.env.Wire.Device(ctx, t.deviceTransport(), d.Service.Device, d.Identity)
		if err != nil {
			return
		}
		answer, err := d.Service.env.Wire.Provision(ctx, conn, nil)
		conn.Close()
		if err != nil || answer.Code != http.StatusConflict {
			return
		}
		if clock.Wait(ctx, d.Service.env.Wire.Clock, settleLook) != nil {
			return
		}
	}
}

// pending reports whether a registration of the device may be under way.
func (t *T) pending(registrationID string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	over, asked := t.registering[registrationID]
	return t.raw || asked && !over
}

// registered notes that a device asked to be registered and was not refused, as far as the
// wire's meter could see.
func (t *T) registered(o devwire.Operation, code int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.raw = t.raw || o.Kind == devwire.Raw
	if t.registering == nil {
		t.registering = map[string]bool{}
	}
	_, asked := t.registering[o.Device]
	switch {
	case o.Kind == devwire.ToRegister && code < 300:
		t.registering[o.Device] = false
	case o.Kind == devwire.ToPoll && code == http.StatusOK && asked:
		t.registering[o.Device] = true
	}
}

// mayHaveRegistered reports whether a device asked and was not refused, or bytes were sent
// of which nobody knows what they say.
func (t *T) mayHaveRegistered(registrationID string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, asked := t.registering[registrationID]
	return t.raw || asked
}
