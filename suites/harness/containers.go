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

// ContainedHub is a hub in a container of its own, for a check to disturb. Nobody else
// uses it.
type ContainedHub struct {
	*Hub
	container Container
	asked     atomic.Pointer[controlapi.Client] // nil while the container cannot be asked
}

// ContainedHub starts a hub in a container of its own, for checks with NeedContainers.
func (e *Env) ContainedHub(ctx context.Context, t *T) *ContainedHub {
	c, err := e.Containers.StartHub(ctx)
	t.Must(err, "start a container with a hub")
	t.Cleanup(func(ctx context.Context) { t.Must(c.Remove(ctx), "remove the container") })
	at := c.Hub()
	h := &ContainedHub{container: c}
	h.Hub = e.openHub(t, &Hub{Host: at.Host, ConnectionString: at.ConnectionString.Reveal(), Inside: at.Inside})
	h.Name, _, _ = strings.Cut(h.Host, ".") // a hub is named after the first label of its host
	t.record(h.Name, h.asked.Load)
	h.find(t)
	h.arm(ctx, t)
	return h
}

// find looks up where the hub answers now.
func (h *ContainedHub) find(t *T) {
	at := h.container.Hub()
	control := connect(*at.Control, h.env.Wire.Roots)
	t.Cleanup(func(context.Context) { control.Close() })
	api, err := h.env.Wire.HubService(h.env.Target.Endpoint(at), h.ConnectionString)
	t.Must(err, "the hub's connection string")
	h.API.Close()
	h.Endpoint, h.API, h.control = h.env.Target.Endpoint(at), api, control
	h.asked.Store(control)
}

func (h *ContainedHub) arm(ctx context.Context, t *T) {
	for _, id := range h.env.defects(t, "fakehub") {
		_, err := h.control.ArmHub(ctx, h.Name, controlapi.Plan{Entry: id})
		t.Must(err, "arm the run's defects")
	}
}

// Disturbance is a way in which a hub becomes unreachable, and back.
type Disturbance struct {
	Name    string // such as "stopped"
	begin   func(Container, context.Context) error
	end     func(Container, context.Context) error
	forgets bool // what was armed is gone after it
}

// Disturbances of a hub's container. A stopped hub's name is gone; a paused one takes
// connections and says nothing; a cut one is gone and leaves its connections half open.
var Disturbances = []Disturbance{
	{"stopped", Container.Stop, Container.Start, true},
	{"paused", Container.Pause, Container.Unpause, false},
	{"cut from its network", Container.Cut, Container.Heal, false},
}

// Disturb makes the hub unreachable.
func (h *ContainedHub) Disturb(ctx context.Context, t *T, d Disturbance) {
	t.Step("the container of %s is %s", h.Host, d.Name)
	h.asked.Store(nil)
	t.Must(d.begin(h.container, ctx), "have the container "+d.Name)
}

// Restore makes it reachable again.
func (h *ContainedHub) Restore(ctx context.Context, t *T, d Disturbance) {
	t.Must(d.end(h.container, ctx), "have the container no longer "+d.Name)
	t.Step("the container of %s is no longer %s", h.Host, d.Name)
	h.find(t)
	if d.forgets {
		h.arm(ctx, t)
	}
}
