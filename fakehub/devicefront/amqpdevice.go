package devicefront

import (
	"context"

	"github.com/dpslab/dpslab/fakehub/registry"
	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

// amqpDevice is a device on one connection, while it has links there.
type amqpDevice struct {
	state    *amqpConn
	id       string
	presence *registry.Presence

	// The rest is guarded by state.mu.
	links map[*amqpserver.Link]struct{}
	twins map[string]*twinLink // by channel-correlation-id
	pump  context.CancelFunc   // ends the sending of desired changes
}

// attach lets a device have a link, when it may. The link that it had for the same ends, on
// whichever connection.
func (s *amqpConn) attach(ctx context.Context, l *amqpserver.Link, asked *amqp.Attach) (*amqpDevice, purpose, *amqp.Error) {
	deviceID, to := parseAmqpAddress(l.Address())
	if to == forNothing || to == forTelemetry && asked.Role == amqp.Receiver || to == forCloudToDevice && asked.Role == amqp.Sender {
		return nil, to, noSuchAddress(l.Address())
	}
	l.Identify(deviceID)
	s.conn.Conn().Transcript().Registration(deviceID)
	if !s.loggedIn(ctx, deviceID) { // [DPS-HUB-059]
		return nil, to, amqp.Errorf(amqp.UnauthorizedAccess, "the device has put no token at %s and has no certificate that counts", cbsAddress)
	}
	d, err := s.device(deviceID, asked.Properties.Text(modelIDProperty), l)
	if err != nil {
		return nil, to, amqp.Errorf(amqp.UnauthorizedAccess, "%v", err)
	}
	place := place{deviceID, to, asked.Role}
	if old, taken := s.front.places.Swap(place, l); taken {
		old.(*amqpserver.Link).Detach(amqp.Errorf("com.microsoft:link-creation-conflict", "another link of the device took its place"))
	}
	l.OnDetach(func() {
		s.front.places.CompareAndDelete(place, l)
		d.released(l)
	})
	return d, to, nil
}

// place is what one link of a device is for. A newer one takes it over.
type place struct {
	deviceID string
	to       purpose
	role     amqp.Role
}

// device is the device on this connection, present from its first link on, with one more.
func (s *amqpConn) device(deviceID, modelID string, l *amqpserver.Link) (*amqpDevice, error) {
	if d := s.known(deviceID, l); d != nil {
		return d, nil
	}
	d := &amqpDevice{state: s, id: deviceID, links: map[*amqpserver.Link]struct{}{l: {}}, twins: map[string]*twinLink{}}
	var err error
	if d.presence, err = s.front.Registry.Attach(deviceID, modelID, d.revoked); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.devices[deviceID] = d
	s.mu.Unlock()
	return d, nil
}

func (s *amqpConn) known(deviceID string, l *amqpserver.Link) *amqpDevice {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.devices[deviceID]
	if d != nil {
		d.links[l] = struct{}{}
	}
	return d
}

// released takes a link away. With the last one the device is gone.
func (d *amqpDevice) released(l *amqpserver.Link) {
	s := d.state
	s.mu.Lock()
	delete(d.links, l)
	gone := len(d.links) == 0 && s.devices[d.id] == d
	if gone {
		delete(s.devices, d.id)
		if d.pump != nil {
			d.pump()
		}
	}
	s.mu.Unlock()
	if gone {
		d.presence.Close()
	}
}

// revoked is called by the registry when the identity is disabled or deleted.
func (d *amqpDevice) revoked(why string) {
	d.state.front.Logger.Info("device dropped", "hub", d.state.front.Host, "device", d.id, "reason", why)
	e := End{Reason: IdentityGone}
	at := d.state.conn.At(StepEnd)
	at.Registration = d.id
	if Ended.Hit(context.Background(), d.state.front.Points, at, &e); e.Ignore {
		return
	}
	d.state.mu.Lock()
	if login := d.state.logins[d.id]; login != nil {
		login.stop()
		delete(d.state.logins, d.id)
	}
	d.state.mu.Unlock()
	d.end(amqp.Errorf(amqp.UnauthorizedAccess, "%s", IdentityGone))
}

// end detaches all links of the device.
func (d *amqpDevice) end(why *amqp.Error) {
	d.state.mu.Lock()
	links := make([]*amqpserver.Link, 0, len(d.links))
	for l := range d.links {
		links = append(links, l)
	}
	d.state.mu.Unlock()
	for _, l := range links {
		l.Detach(why)
	}
}
