package reference

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/mqttserver"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/sas"
	"github.com/dpslab/dpslab/reference/deviceapi/httpsfront"
	"github.com/dpslab/dpslab/reference/deviceapi/mqttfront"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/hubclient"
	"github.com/dpslab/dpslab/reference/provisioning"
	"github.com/dpslab/dpslab/reference/registration"
	"github.com/dpslab/dpslab/reference/serviceapi"
)

// ServiceSpec describes a service to be made. The zero value is a complete one with random
// names and keys.
type ServiceSpec struct {
	Name       string        // 3 to 50 letters, digits and hyphens; default: random
	Scope      string        // id scope; default: random
	Global     bool          // answers on the global device host, and connections without a name
	Address    string        // own IP address; default: the door's shared ones
	OwnAddress bool          // an own loopback address that nobody has yet
	Key        []byte        // primary key of provisioningserviceowner; default: random
	Policy     dps.Policy    // default: hashed
	RetryAfter time.Duration // what assigning answers ask for, whole seconds
	NaiveREST  bool          // GET and POST /enrollments (service-api.md 8)
	Hubs       []LinkedHub
}

// LinkedHub links a hub to a service.
type LinkedHub struct {
	ConnectionString string
	Weight           int  // allocation weight, 1 to 1000; default 1
	Excluded         bool // takes no part in allocation
}

// ownerPolicy is the shared access policy that a new service has (service-api.md 3.1).
const ownerPolicy = "provisioningserviceowner"

// pollHold is how long a poll waits for an operation that is about to settle.
const pollHold = 250 * time.Millisecond

// Service is one isolated provisioning service.
type Service struct {
	name, scope string
	hosts       []string // device host first when global, service host last
	key         []byte
	clock       *clock.Movable
	points      *point.Set
	core        *provisioning.Service
	host        *frontdoor.Host
	server      *Server
	hubs        []*hubclient.Hub
}

// nameGrammar is the service's own (service-api.md 5).
var nameGrammar = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9-]{1,48}[a-zA-Z0-9]$`)

func (s *Server) newService(spec ServiceSpec) (*Service, error) {
	if spec.Name == "" {
		spec.Name = "dps-" + randomHex(4)
	}
	if !nameGrammar.MatchString(spec.Name) {
		return nil, fmt.Errorf("service name %q is not valid: 3 to 50 letters, digits and hyphens, no hyphen at either end", spec.Name)
	}
	if spec.Scope == "" {
		spec.Scope = "0ne" + strings.ToUpper(randomHex(4))
	}
	if spec.Key == nil {
		spec.Key = randomKey()
	}
	v := &Service{
		name: spec.Name, scope: spec.Scope, key: spec.Key, server: s, clock: clock.NewMovable(s.o.Clock),
		hosts: []string{strings.ToLower(spec.Name) + "." + s.o.Domain},
	}
	if spec.Global {
		v.hosts = append([]string{"global." + s.o.Domain}, v.hosts...)
	}
	v.points = point.NewSet(v.clock)
	enrollments, registrations := enrollment.NewMemory(), registration.NewMemory()
	v.core = provisioning.New(provisioning.Options{
		Name: v.name, Scope: v.scope, Enrollments: enrollments, Registrations: registrations, Policy: spec.Policy,
		RetryAfter: spec.RetryAfter, PollHold: pollHold, Clock: v.clock, Points: v.points, Logger: s.o.Logger,
	})
	if err := v.Link(spec.Hubs); err != nil {
		return nil, err
	}
	certificate, err := s.o.Certificate(v.hosts...)
	if err != nil {
		return nil, fmt.Errorf("no server certificate for %s: %w", v.name, err)
	}
	operators := serviceapi.New(serviceapi.Options{
		Name: v.name, Hosts: v.hosts[len(v.hosts)-1:], Policies: []serviceapi.Policy{{Name: ownerPolicy, Primary: v.key, Secondary: randomKey()}},
		Enrollments: enrollments, Registrations: registrations, Linked: v.core.Linked, Now: v.clock.Now,
		Points: v.points, NaiveREST: spec.NaiveREST, Logger: s.o.Logger,
	})
	find := func(scope string) (*provisioning.Service, bool) {
		if strings.EqualFold(scope, v.scope) {
			return v.core, true
		}
		if spec.Global { // the global host serves the devices of every scope
			return s.byScope(scope)
		}
		return nil, false
	}
	devices := &httpsfront.Front{Home: v.core, Service: find, Logger: s.o.Logger}
	mqtt := mqttserver.New(&mqttfront.Front{Service: find, Logger: s.o.Logger},
		mqttserver.Options{Points: v.points, Logger: s.o.Logger})
	v.host = &frontdoor.Host{
		Names: v.hosts, Service: v.name, Default: spec.Global, Address: spec.Address, Certificate: certificate,
		Clock: v.clock, Points: v.points, Log: s.o.Log, HTTP: split(operators, devices), MQTT: mqtt.Serve,
	}
	return v, nil
}

// split sends what names a collection of the service API to the operators' side, and the
// rest, which begins with an id scope, to the devices'.
func split(operators, devices http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if serviceapi.Serves(r.URL.Path) {
			operators.ServeHTTP(w, r)
			return
		}
		devices.ServeHTTP(w, r)
	})
}

// Link replaces the linked hubs.
func (v *Service) Link(hubs []LinkedHub) error {
	var links []provisioning.Link
	var clients []*hubclient.Hub
	for _, h := range hubs {
		client, err := hubclient.New(h.ConnectionString, hubclient.Options{
			Roots: v.server.o.HubRoots, Address: v.server.o.HubAddress, Clock: v.clock,
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
	for _, old := range v.hubs {
		old.Close()
	}
	v.hubs = clients
	v.core.Link(links)
	return nil
}

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
	names := make([]string, 0, len(v.hubs))
	for _, h := range v.hubs {
		names = append(names, h.Host())
	}
	return slices.Clone(names)
}

func (v *Service) close(ctx context.Context) error {
	err := errors.Join(v.server.o.Door.Remove(v.host), v.core.Close(ctx))
	for _, h := range v.hubs {
		h.Close()
	}
	return err
}

func randomKey() []byte {
	key := make([]byte, 64)
	rand.Read(key) // never fails
	return key
}

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return fmt.Sprintf("%x", b)
}
