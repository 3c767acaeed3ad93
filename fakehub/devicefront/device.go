package devicefront

import (
	"context"
	"sync"
	"time"

	"github.com/dpslab/dpslab/fakehub/method"
	"github.com/dpslab/dpslab/fakehub/registry"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/mqttserver"
	"github.com/dpslab/dpslab/internal/sas"
)

// device is one connection of a device.
type device struct {
	*subscriptions
	front    *Front
	session  *mqttserver.Session
	id       string
	token    *sas.Token // nil when the certificate counted
	presence *registry.Presence

	mu      sync.Mutex
	expiry  clock.Timer
	pumping bool   // desired changes are on their way to the device
	leave   func() // ends the taking of method calls
}

// start puts in force what the connection begins with. The session's goroutines wait for
// the CONNACK, but nothing that happens after it is missed.
func (d *device) start() {
	if d.token != nil && d.presence.Identity.Authentication.Type == registry.SAS {
		d.expireAt(*d.token)
	}
	if d.has(desiredChanges) {
		d.observe()
	}
	if d.has(methodCalls) {
		d.join()
	}
}

// expireAt closes the connection at the token's se, or, for a token that was taken within
// the tolerance after it, when that is over. [DPS-HUB-012]
func (d *device) expireAt(t sas.Token) {
	left := d.front.left(t)
	if left <= 0 { // only a plan lets such a token in: its connection has no end to wait for
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.expiry = d.front.Clock.AfterFunc(left, func() { d.end(TokenExpired) })
}

// left is how long a token that was taken is good.
func (f *Front) left(t sas.Token) time.Duration {
	left := t.Expiry.Sub(f.Clock.Now())
	if left <= 0 {
		left += sas.Skew
	}
	return left
}

// revoked is called by the registry when the identity is disabled or deleted. [DPS-HUB-026]
func (d *device) revoked(why string) {
	d.front.Logger.Info("device dropped", "hub", d.front.Host, "device", d.id, "reason", why)
	d.end(IdentityGone)
}

func (d *device) end(reason string) {
	e := End{Reason: reason}
	Ended.Hit(context.Background(), d.front.Points, d.session.At(StepEnd), &e)
	if !e.Ignore {
		d.session.Close(reason)
	}
}

// observe sends every later desired change to the device.
func (d *device) observe() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.presence.Observe(true)
	if d.pumping {
		return
	}
	d.pumping = true
	d.session.Go(func(ctx context.Context) {
		for {
			change, err := d.presence.Next(ctx)
			if err != nil || d.sendDesired(ctx, change) != nil {
				return
			}
		}
	})
}

// join takes the device's method calls.
func (d *device) join() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.leave != nil {
		return
	}
	d.leave = d.front.Methods.Join(d.id, func(r method.Request) error {
		d.session.Go(func(ctx context.Context) {
			// A request that cannot be sent means that the session ends, and with it the call.
			_ = d.session.Publish(ctx, methodTopic(r.Name, r.ID), r.Payload, 0)
		})
		return nil
	})
}

// unsubscribed stops what no filter lets through any more.
func (d *device) unsubscribed() {
	if !d.has(desiredChanges) {
		d.presence.Observe(false)
	}
	if !d.has(methodCalls) {
		d.stopMethods()
	}
}

func (d *device) stopMethods() {
	d.mu.Lock()
	leave := d.leave
	d.leave = nil
	d.mu.Unlock()
	if leave != nil {
		leave()
	}
}

// close ends everything but the subscriptions that are stored.
func (d *device) close() {
	d.mu.Lock()
	if d.expiry != nil {
		d.expiry.Stop()
	}
	d.mu.Unlock()
	d.stopMethods()
	d.presence.Close()
}
