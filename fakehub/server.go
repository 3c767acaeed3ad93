package fakehub

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/durable"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/transcript"
)

// Options make a Server. Door and Certificate are required.
type Options struct {
	Door *frontdoor.Door // shared with others; Close leaves it open
	// Certificate issues the server certificate for a hub's name, with its chain.
	Certificate func(names ...string) (tls.Certificate, error)
	Log         *transcript.Log // nil: connections are not recorded
	Logger      *slog.Logger    // nil: nothing is logged
	Clock       clock.Clock     // what hubs' clocks follow; nil: the system's
	Domain      string          // default: azure-devices.net
	// RetainEvents is how many telemetry events each hub keeps; 0: telemetry.DefaultRetain.
	RetainEvents int
}

// Server hosts hubs.
type Server struct {
	o    Options
	mu   sync.Mutex
	hubs []*Hub
}

// New returns a server without hubs.
func New(o Options) *Server {
	if o.Domain == "" {
		o.Domain = "azure-devices.net"
	}
	if o.Clock == nil {
		o.Clock = clock.System()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Server{o: o}
}

// HubSpec says what hub to make. The zero value makes one with everything chosen.
type HubSpec struct {
	Name         string // letters, digits and dashes; "": hub-1, hub-2, …
	Address      string // an IP of its own; "": shared, unless OwnAddress
	OwnAddress   bool   // choose a loopback address for it
	Key          []byte // primary key of the policy iothubowner; nil: random
	SecondaryKey []byte // nil: random
	// Data keeps identities and twins, and the secondary key. Whoever opened it closes it
	// when the hub has ended. nil: all ends with the hub.
	Data *durable.File
}

// Errors of AddHub, RemoveHub and Hub.
var (
	ErrNoHub     = errors.New("no such hub")
	ErrHubExists = errors.New("there is already a hub of that name")
	ErrHubName   = errors.New("a hub's name is 1 to 50 letters, digits and dashes, no dash at either end")
)

var hubName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?$`)

// AddHub makes a hub and lets it answer.
func (s *Server) AddHub(spec HubSpec) (*Hub, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	spec.Name = strings.ToLower(spec.Name)
	if spec.Name == "" {
		for n := 1; spec.Name == "" || s.find(spec.Name) != nil; n++ {
			spec.Name = fmt.Sprintf("hub-%d", n)
		}
	}
	if !hubName.MatchString(spec.Name) {
		return nil, fmt.Errorf("%w, not %.60q", ErrHubName, spec.Name)
	}
	if s.find(spec.Name) != nil {
		return nil, fmt.Errorf("%w: %q", ErrHubExists, spec.Name)
	}
	h, err := newHub(s, spec)
	if err != nil {
		return nil, err
	}
	if err := s.open(h, spec); err != nil {
		return nil, fmt.Errorf("hub %q: %w", spec.Name, err)
	}
	s.hubs = append(s.hubs, h)
	return h, nil
}

// addressTries bounds the search for a loopback address that nobody has.
const addressTries = 20

// open puts the hub behind the door.
func (s *Server) open(h *Hub, spec HubSpec) (err error) {
	h.behind.Address = spec.Address
	if spec.Address != "" || !spec.OwnAddress {
		return s.o.Door.Add(&h.behind)
	}
	for range addressTries {
		h.behind.Address = netip.AddrFrom4([4]byte{127, byte(1 + rand.IntN(254)), byte(rand.IntN(256)), byte(1 + rand.IntN(254))}).String()
		if err = s.o.Door.Add(&h.behind); err == nil {
			return nil
		}
	}
	return err
}

// find returns the hub of that name or nil. s.mu is held.
func (s *Server) find(name string) *Hub {
	for _, h := range s.hubs {
		if strings.EqualFold(h.name, name) {
			return h
		}
	}
	return nil
}

// Hub finds a hub by its name, in any case, or returns ErrNoHub.
func (s *Server) Hub(name string) (*Hub, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.find(name); h != nil {
		return h, nil
	}
	return nil, fmt.Errorf("%w: %.60q", ErrNoHub, name)
}

// Hubs lists the hubs in the order they were made.
func (s *Server) Hubs() []*Hub {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.hubs)
}

// RemoveHub ends a hub: its connections, its identities, its memory. It returns when they
// have ended, or ErrNoHub.
func (s *Server) RemoveHub(name string) error {
	s.mu.Lock()
	h := s.find(name)
	s.hubs = slices.DeleteFunc(s.hubs, func(one *Hub) bool { return one == h })
	s.mu.Unlock()
	if h == nil {
		return fmt.Errorf("%w: %.60q", ErrNoHub, name)
	}
	return s.o.Door.Remove(&h.behind)
}

// Close ends every hub. The door stays open. It returns when all have ended, or ctx.
func (s *Server) Close(ctx context.Context) error {
	done := make(chan error, 1)
	go func() {
		var errs []error
		for _, h := range s.Hubs() {
			if err := s.RemoveHub(h.name); !errors.Is(err, ErrNoHub) {
				errs = append(errs, err)
			}
		}
		done <- errors.Join(errs...)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("close the hubs: %w", ctx.Err())
	}
}
