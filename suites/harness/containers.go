package harness

import (
	"context"
	"strings"
	"sync/atomic"

	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/suites/sut"
)

// Containers starts containers in a lab of containers.
type Containers interface {
	// StartHub starts one more container that serves one hub, in the lab's network.
	StartHub(ctx context.Context) (Container, error)
}

// Container is a container that serves one hub. Its calls return when what they ask for has
// come about: after Start and Heal the hub answers again, maybe on other ports.
type Container interface {
	// Hub is where the hub answers at this moment, its control port included.
	Hub() sut.Hub
	Stop(ctx context.Context) error // ends its process; what was in memory is gone
	Start(ctx context.Context) error
	Pause(ctx context.Context) error // its process stands still; connections stay open
	Unpause(ctx context.Context) error
	Cut(ctx context.Context) error // takes it from its network; nobody reaches it
	Heal(ctx context.Context) error
	Remove(ctx context.Context) error // whatever its state
}

// contained is a hub in a container of its own.
type contained struct {
	container Container
	env       *Env
	asked     atomic.Pointer[controlapi.Client] // nil while the container cannot be asked
	begin     func(Container, context.Context) error
	end       func(Container, context.Context) error
	forgets   bool // what was armed is gone when it ends
}

// byContainer disturbs a hub by what is done to its container.
func byContainer(name string, begin, end func(Container, context.Context) error, forgets bool) Disturbance {
	return Disturbance{Name: name, Needs: []Need{NeedContainers}, hub: func(ctx context.Context, e *Env, t *T) *FragileHub {
		c, err := e.Containers.StartHub(ctx)
		t.Must(err, "start a container with a hub")
		t.Cleanup(func(ctx context.Context) { t.Must(c.Remove(ctx), "remove the container") })
		at := c.Hub()
		h := &FragileHub{Hub: e.openHub(t, &Hub{Host: at.Host, ConnectionString: at.ConnectionString.Reveal(), Inside: at.Inside})}
		h.Name, _, _ = strings.Cut(h.Host, ".") // a hub is named after the first label of its host
		how := &contained{container: c, env: e, begin: begin, end: end, forgets: forgets}
		h.disturbed = how
		t.record(h.Name, how.asked.Load)
		how.find(h, t)
		how.arm(ctx, h, t)
		return h
	}}
}

func (c *contained) disturb(ctx context.Context, _ *FragileHub, t *T) {
	c.asked.Store(nil)
	t.Must(c.begin(c.container, ctx), "disturb the container")
}

func (c *contained) restore(ctx context.Context, h *FragileHub, t *T) {
	t.Must(c.end(c.container, ctx), "restore the container")
	c.find(h, t)
	if c.forgets {
		c.arm(ctx, h, t)
	}
}

// find looks up where the hub answers now.
func (c *contained) find(h *FragileHub, t *T) {
	at := c.container.Hub()
	control := connect(*at.Control, c.env.Wire.Roots)
	t.Cleanup(func(context.Context) { control.Close() })
	endpoint := c.env.Target.Endpoint(at)
	api, err := c.env.Wire.HubService(endpoint, h.ConnectionString)
	t.Must(err, "the hub's connection string")
	h.API.Close()
	h.Endpoint, h.API, h.control = endpoint, api, control
	c.asked.Store(control)
}

func (c *contained) arm(ctx context.Context, h *FragileHub, t *T) {
	for _, id := range c.env.defects(t, "fakehub") {
		_, err := h.control.ArmHub(ctx, h.Name, controlapi.Plan{Entry: id})
		t.Must(err, "arm the run's defects")
	}
}
