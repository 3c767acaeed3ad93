package harness

import "context"

// Disturbance is a way in which a hub cannot be reached for a while.
type Disturbance struct {
	Name  string // what the hub is or does meanwhile, as in "a hub that NAME"
	Needs []Need // beside control
	hub   func(ctx context.Context, e *Env, t *T) *FragileHub
}

// Disturbances. The first two are made between the service and a hub on loopback, the
// others of a hub's container.
var (
	Refusing = byRelay("refuses connections", true) // its connections are closed
	Silent   = byRelay("says nothing", false)       // its connections stay open
	Stopped  = byContainer("is stopped", Container.Stop, Container.Start, true)
	Paused   = byContainer("is paused", Container.Pause, Container.Unpause, false)
	Cut      = byContainer("is cut from its network", Container.Cut, Container.Heal, false)
)

// FragileHub is a hub for a check to disturb. Nobody else uses it. In a container it
// forgets what it knew when it is stopped, and answers devices at another Endpoint after it
// was stopped or cut off.
type FragileHub struct {
	*Hub
	name      string
	disturbed interface {
		disturb(ctx context.Context, h *FragileHub, t *T)
		restore(ctx context.Context, h *FragileHub, t *T)
	}
}

// Hub makes a hub that can be disturbed so, for a check with the disturbance's Needs.
func (d Disturbance) Hub(ctx context.Context, e *Env, t *T) *FragileHub {
	h := d.hub(ctx, e, t)
	h.name = d.Name
	return h
}

// Disturb makes the hub unreachable for the service.
func (h *FragileHub) Disturb(ctx context.Context, t *T) {
	t.Step("the hub %s %s", h.Host, h.name)
	h.disturbed.disturb(ctx, h, t)
}

// Restore makes it reachable again, and returns when it is.
func (h *FragileHub) Restore(ctx context.Context, t *T) {
	h.disturbed.restore(ctx, h, t)
	t.Step("the hub %s can be reached again", h.Host)
}
