package harness

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/netip"
	"sync/atomic"

	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/sut"
)

// home is a process in which hubs can be made. A lab in one process is one home; in a lab
// of containers each of its hubs is.
type home struct {
	control *controlapi.Client
	where   sut.Hub // where its hubs are dialled, and where the service reaches them
}

// homes takes turns.
type homes struct {
	list []home
	next atomic.Uint64
}

func connect(c sut.Control, roots *x509.CertPool) *controlapi.Client {
	return controlapi.NewAt(c.URL, c.Address, c.Token.Reveal(), roots)
}

// openHomes finds the homes of a target and asks each who answers there.
func openHomes(ctx context.Context, t sut.Target, service *controlapi.Client, roots *x509.CertPool) (*homes, error) {
	h := &homes{}
	for _, hub := range t.Hubs {
		if hub.Control == nil {
			continue
		}
		one := home{connect(*hub.Control, roots), hub}
		if _, err := one.control.Info(ctx); err != nil {
			return nil, fmt.Errorf("the control port of the target's hub %s: %w", hub.Host, err)
		}
		h.list = append(h.list, one)
	}
	if len(h.list) == 0 {
		h.list = []home{{service, sut.Hub{Address: t.DPS.Address, Ports: t.DPS.Ports}}}
	}
	return h, nil
}

func (h *homes) take() home { return h.list[(h.next.Add(1)-1)%uint64(len(h.list))] }

// controls are the lab's control ports, each once.
func (e *Env) controls() []*controlapi.Client {
	if e.Control == nil {
		return nil
	}
	list := []*controlapi.Client{e.Control}
	for _, one := range e.homes.list {
		if one.control != e.Control {
			list = append(list, one.control)
		}
	}
	return list
}

// onLoopback reports whether the lab's processes share this machine's loopback addresses.
func (e *Env) onLoopback() bool {
	ip, err := netip.ParseAddr(e.Target.DPS.Address)
	return err == nil && ip.IsLoopback() && e.Target.Containers == nil
}

// shared is where a host answers that has no address of its own: where the target is
// dialled, whatever its process knows of addresses and ports.
func shared(host, address string, p sut.Ports) devwire.Endpoint {
	return devwire.Endpoint{Host: host, Address: address, HTTPSPort: p.HTTPS, MQTTSPort: p.MQTTS, AMQPSPort: p.AMQPS}
}

// serviceEndpoint is where a host of a service of this check answers.
func (e *Env) serviceEndpoint(host string, made controlapi.Service, ownAddress bool) devwire.Endpoint {
	if ownAddress || e.Target.DPS.Address == "" {
		return controlled(host, made.Address, made.Ports)
	}
	return shared(host, e.Target.DPS.Address, e.Target.DPS.Ports)
}

func (h home) endpoint(made controlapi.Hub) devwire.Endpoint {
	if h.where.Address == "" {
		return controlled(made.Host, made.Address, made.Ports)
	}
	return shared(made.Host, h.where.Address, h.where.Ports)
}
