package reference

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/sas"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/hubclient"
	"github.com/dpslab/dpslab/reference/provisioning"
	"github.com/dpslab/dpslab/reference/quota"
	"github.com/dpslab/dpslab/reference/registration"
)

// Service is one isolated provisioning service.
type Service struct {
	name, scope   string
	hosts         []string // device host first when global, service host last
	key           []byte
	secondary     []byte
	clock         *clock.Movable
	points        *point.Set
	quota         *quota.Quota
	enrollments   enrollment.Store
	registrations registration.Store
	core          *provisioning.Service
	host          *frontdoor.Host
	server        *Server

	mu   sync.Mutex // guards hubs
	hubs []*hubclient.Hub
}

// Link replaces the linked hubs.
func (v *Service) Link(hubs []LinkedHub) error {
	var links []provisioning.Link
	var clients []*hubclient.Hub
	for _, h := range hubs {
		address, err := v.server.hubAddress(h)
		if err != nil {
			return err
		}
		client, err := hubclient.New(h.ConnectionString, hubclient.Options{
			Roots: v.server.o.HubRoots, Address: address, Clock: v.clock,
		})
		if err != nil {
			return fmt.Errorf("linked hub: %w", err)
		}
		if h.Weight == 0 {
			h.Weight = 1
		}
		if h.Weight < 1 || h.Weight > 1000 {
			return fmt.Errorf("allocation weight %d of %s is not within 1 to 1000", h.Weight, client.Host())
		}
		clients = append(clients, client)
		links = append(links, provisioning.Link{Hub: client, Weight: h.Weight, Applies: !h.Excluded})
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, old := range v.hubs {
		old.Close()
	}
	v.hubs = clients
	v.core.Link(links)
	return nil
}

// Limit replaces the service's limits.
func (v *Service) Limit(l quota.Limits) { v.quota.Set(l) }

// Name is the service's name.
func (v *Service) Name() string { return v.name }

// Scope is the id scope that its devices carry.
func (v *Service) Scope() string { return v.scope }

// DeviceHost is the host name that its devices call: the global one where it has it.
func (v *Service) DeviceHost() string { return v.hosts[0] }

// ServiceHost is the host name of its service API.
func (v *Service) ServiceHost() string { return v.hosts[len(v.hosts)-1] }

// Address is the IP address where it listens.
func (v *Service) Address() string {
	if v.host.Address != "" {
		return v.host.Address
	}
	return v.server.o.Door.Addresses()[0]
}

// Points are where its behaviour can be bent.
func (v *Service) Points() *point.Set { return v.points }

// Clock is its time.
func (v *Service) Clock() *clock.Movable { return v.clock }

// ConnectionString has the owner policy's key.
func (v *Service) ConnectionString() string {
	return sas.ConnectionString{HostName: v.ServiceHost(), SharedAccessKeyName: ownerPolicy, SharedAccessKey: v.key}.Reveal()
}

// LinkedHubs are the host names of its linked hubs.
func (v *Service) LinkedHubs() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	names := make([]string, 0, len(v.hubs))
	for _, h := range v.hubs {
		names = append(names, h.Host())
	}
	return names
}

func (v *Service) close(ctx context.Context) error {
	return errors.Join(v.server.o.Door.Remove(v.host), v.core.Close(ctx), v.Link(nil))
}
