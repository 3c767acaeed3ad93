package reference

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/transcript"
	"github.com/dpslab/dpslab/reference/provisioning"
)

// Options make a Server.
type Options struct {
	Door *frontdoor.Door
	// Certificate issues the server certificate for a service's names, with its chain.
	Certificate func(names ...string) (tls.Certificate, error)
	// HubRoots are trusted and HubAddress is dialled ("ip:port") for a linked hub's name.
	HubRoots   *x509.CertPool
	HubAddress func(host string) string
	Domain     string          // default: azure-devices-provisioning.net
	Clock      clock.Clock     // what services' clocks follow; default: the system's
	Log        *transcript.Log // nil: connections are not recorded
	Logger     *slog.Logger    // nil: nothing is logged
}

// Server hosts services.
type Server struct {
	o        Options
	mu       sync.Mutex
	services []*Service
}

// New returns a server without services.
func New(o Options) *Server {
	if o.Domain == "" {
		o.Domain = "azure-devices-provisioning.net"
	}
	if o.Clock == nil {
		o.Clock = clock.System()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Server{o: o}
}

// hubAddress says where a linked hub is dialled.
func (s *Server) hubAddress(h LinkedHub) (func(host string) string, error) {
	if h.Address == "" {
		return s.o.HubAddress, nil
	}
	if host, port, err := net.SplitHostPort(h.Address); err != nil || host == "" || port == "" {
		return nil, fmt.Errorf("address %q of a linked hub is not host:port", h.Address)
	}
	return func(string) string { return h.Address }, nil
}

// AddService makes a service and lets it answer.
func (s *Server) AddService(spec ServiceSpec) (*Service, error) {
	v, err := s.newService(spec)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, other := range s.services {
		if strings.EqualFold(other.scope, v.scope) {
			return nil, fmt.Errorf("id scope %s belongs to %s; give another", v.scope, other.name)
		}
	}
	add := s.o.Door.Add
	if spec.OwnAddress {
		add = s.o.Door.AddOwn
	}
	if err := add(v.host); err != nil {
		return nil, err
	}
	s.services = append(s.services, v)
	return v, nil
}

// ErrNoService is the error for a service name that is not here.
var ErrNoService = errors.New("no such service")

// Service finds a service by its name.
func (s *Server) Service(name string) (*Service, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.services {
		if strings.EqualFold(v.name, name) {
			return v, nil
		}
	}
	return nil, fmt.Errorf("%w: %q", ErrNoService, name)
}

// Services lists the services in the order they were made.
func (s *Server) Services() []*Service {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.services)
}

// RemoveService ends a service: its connections, its registrations under way, its memory.
func (s *Server) RemoveService(ctx context.Context, name string) error {
	v, err := s.Service(name)
	if err != nil {
		return err
	}
	s.mu.Lock()
	before := len(s.services)
	s.services = slices.DeleteFunc(s.services, func(one *Service) bool { return one == v })
	removed := len(s.services) < before
	s.mu.Unlock()
	if !removed {
		return fmt.Errorf("%w: %q", ErrNoService, name)
	}
	return v.close(ctx)
}

// Close ends every service. The door stays open: it belongs to the caller.
func (s *Server) Close(ctx context.Context) error {
	var errs []error
	for _, v := range s.Services() {
		errs = append(errs, s.RemoveService(ctx, v.name))
	}
	return errors.Join(errs...)
}

func (s *Server) byScope(scope string) (*provisioning.Service, bool) {
	for _, v := range s.Services() {
		if strings.EqualFold(v.scope, scope) {
			return v.core, true
		}
	}
	return nil, false
}
