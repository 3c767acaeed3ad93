package containers

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/sut"
)

// joined is the lab of a target file, whoever started it.
type joined struct{ join func() (*lab, error) }

// Attach lets checks start containers in the lab of a target. It is nil for a target that
// is no lab of containers. The engine is not asked before a check needs it.
func Attach(t sut.Target) harness.Containers {
	if t.Containers == nil {
		return nil
	}
	return joined{sync.OnceValues(func() (*lab, error) { return join(t) })}
}

func join(t sut.Target) (*lab, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	e, err := openEngine(ctx)
	if err != nil {
		return nil, err
	}
	l := &lab{engine: e, made: *t.Containers, token: t.Control.Token}
	if l.roots, err = t.Roots(); err != nil {
		return nil, err
	}
	all, err := described(l.made.State)
	if err != nil {
		return nil, err
	}
	l.hubs = all.Hubs
	found, err := e.api.NetworkInspect(ctx, l.made.Network, client.NetworkInspectOptions{})
	if err != nil {
		return nil, fmt.Errorf("the lab's network: %s", oneLine(err))
	}
	l.owner = found.Network.Labels[labelOwner]
	return l, nil
}

// StartHub starts a hub of the state that nobody serves. Which are taken the engine knows:
// it gives no two containers one name.
func (j joined) StartHub(ctx context.Context) (harness.Container, error) {
	l, err := j.join()
	if err != nil {
		return nil, err
	}
	free := stateHubs - linkedHubs
	for i, first := 0, rand.IntN(free); i < free; i++ {
		n := linkedHubs + 1 + (first+i)%free
		u, err := l.startHub(ctx, n)
		switch {
		case errdefs.IsConflict(err):
			continue
		case err != nil:
			u.remove(context.WithoutCancel(ctx))
			return nil, err
		}
		return &extra{u, l.hubs[n-1]}, nil
	}
	return nil, fmt.Errorf("all %d hubs of the lab's state are served already", stateHubs)
}

// extra is a hub in a container of its own.
type extra struct {
	unit *unit
	of   sut.Hub
}

func (x *extra) Hub() sut.Hub { return x.unit.hub(x.of) }

func (x *extra) Stop(ctx context.Context) error {
	patience := stopTimeout
	return x.unit.container.Stop(ctx, &patience)
}

func (x *extra) Start(ctx context.Context) error {
	if err := x.unit.container.Start(ctx); err != nil {
		return err
	}
	return x.unit.look(ctx)
}

func (x *extra) Pause(ctx context.Context) error {
	_, err := x.api().ContainerPause(ctx, x.unit.container.ID, client.ContainerPauseOptions{})
	return err
}

func (x *extra) Unpause(ctx context.Context) error {
	if _, err := x.api().ContainerUnpause(ctx, x.unit.container.ID, client.ContainerUnpauseOptions{}); err != nil {
		return err
	}
	return x.unit.look(ctx)
}

func (x *extra) Cut(ctx context.Context) error {
	_, err := x.api().NetworkDisconnect(ctx, x.unit.lab.made.Network, client.NetworkDisconnectOptions{Container: x.unit.container.ID, Force: true})
	return err
}

func (x *extra) Heal(ctx context.Context) error {
	_, err := x.api().NetworkConnect(ctx, x.unit.lab.made.Network, client.NetworkConnectOptions{
		Container: x.unit.container.ID, EndpointConfig: &network.EndpointSettings{Aliases: []string{x.of.Host}},
	})
	if err != nil {
		return err
	}
	return x.unit.look(ctx)
}

func (x *extra) Remove(ctx context.Context) error { return x.unit.remove(ctx) }

func (x *extra) api() client.APIClient { return x.unit.lab.engine.api }
