package reference

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/durable"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/mqttserver"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/allocation"
	"github.com/dpslab/dpslab/reference/deviceapi/amqpfront"
	"github.com/dpslab/dpslab/reference/deviceapi/httpsfront"
	"github.com/dpslab/dpslab/reference/deviceapi/mqttfront"
	"github.com/dpslab/dpslab/reference/issuing"
	"github.com/dpslab/dpslab/reference/postgres"
	"github.com/dpslab/dpslab/reference/provisioning"
	"github.com/dpslab/dpslab/reference/quota"
	"github.com/dpslab/dpslab/reference/serviceapi"
	"github.com/dpslab/dpslab/reference/webhook"
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
	Limits     quota.Limits  // default: none
	NaiveREST  bool          // GET and POST /enrollments (service-api.md 8)
	Hubs       []LinkedHub
	Latencies  allocation.Table // for the policy geoLatency; default: none, so that all hubs tie
	// Policies are shared access policies beside provisioningserviceowner.
	Policies []serviceapi.Policy
	// Data keeps enrollments, registrations and secrets. Whoever opened it closes it when
	// the service has ended. nil: all ends with the service.
	Data *durable.File
	// Database keeps the same, in place of Data, and is closed as Data is.
	Database *postgres.DB
}

// LinkedHub links a hub to a service.
type LinkedHub struct {
	ConnectionString string
	Address          string // "host:port" where the hub is; default: what the server's HubAddress says
	Weight           int    // allocation weight, 1 to 1000; default 1
	Excluded         bool   // takes no part in allocation
}

// ownerPolicy is the shared access policy that a new service has (service-api.md 3.1).
const ownerPolicy = "provisioningserviceowner"

// pollHold is how long a poll waits for an operation that is about to settle.
const pollHold = 250 * time.Millisecond

// nameGrammar is the service's own (service-api.md 5).
var nameGrammar = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9-]{1,48}[a-zA-Z0-9]$`)

// scopeGrammar keeps a scope whole in paths, topics and tokens.
var scopeGrammar = regexp.MustCompile(`^[a-zA-Z0-9-]{1,64}$`)

// complete fills in what was left out, and refuses what cannot be.
func (spec ServiceSpec) complete() (ServiceSpec, error) {
	if spec.Name == "" {
		spec.Name = "dps-" + randomHex(4)
	}
	if !nameGrammar.MatchString(spec.Name) {
		return spec, fmt.Errorf("service name %q is not valid: 3 to 50 letters, digits and hyphens, no hyphen at either end", spec.Name)
	}
	if spec.Scope == "" {
		spec.Scope = "0ne" + strings.ToUpper(randomHex(4))
	}
	if !scopeGrammar.MatchString(spec.Scope) {
		return spec, fmt.Errorf("id scope %q is not valid: 1 to 64 letters, digits and hyphens", spec.Scope)
	}
	if spec.RetryAfter < 0 {
		return spec, fmt.Errorf("retry after %v lies in the past; give 0 or more", spec.RetryAfter)
	}
	if spec.Key == nil {
		spec.Key = randomKey()
	}
	names := map[string]bool{ownerPolicy: true}
	for _, p := range spec.Policies {
		name := strings.ToLower(p.Name)
		if name == "" || names[name] || len(p.Primary) == 0 || len(p.Secondary) == 0 {
			return spec, fmt.Errorf("shared access policy %q needs a name of its own and two keys", p.Name)
		}
		names[name] = true
	}
	return spec, nil
}

// newService makes a service that nobody can reach yet.
func (s *Server) newService(spec ServiceSpec) (*Service, error) {
	spec, err := spec.complete()
	if err != nil {
		return nil, err
	}
	v := &Service{
		name: spec.Name, scope: spec.Scope, key: spec.Key, server: s, clock: clock.NewMovable(s.o.Clock),
		hosts: []string{strings.ToLower(spec.Name) + "." + s.o.Domain},
	}
	open := func() (stores, error) { return openStores(spec.Data) }
	if spec.Database != nil {
		open = func() (stores, error) { return sharedStores(spec.Database) }
	}
	kept, err := open()
	if err != nil {
		return nil, fmt.Errorf("data of service %q: %w", v.name, err)
	}
	v.enrollments, v.registrations, v.secondary = kept.enrollments, kept.registrations, kept.secondaryKey
	if spec.Global {
		v.hosts = append([]string{"global." + s.o.Domain}, v.hosts...)
	}
	v.points = point.NewSet(v.clock)
	v.quota = quota.New(spec.Limits, v.clock, v.points)
	v.core = provisioning.New(provisioning.Options{
		Name: v.name, Scope: v.scope, Secret: kept.secret, Enrollments: v.enrollments, Registrations: v.registrations, Policy: spec.Policy,
		Quota: v.quota, Issuer: issuing.New(v.name), Webhooks: webhook.Caller{Record: serviceapi.Record}, RetryAfter: spec.RetryAfter, PollHold: pollHold, Clock: v.clock, Points: v.points, Logger: s.o.Logger,
	})
	if err := errors.Join(v.Link(spec.Hubs), v.SetLatencies(spec.Latencies)); err != nil {
		return nil, err
	}
	certificate, err := s.o.Certificate(v.hosts...)
	if err != nil {
		return nil, fmt.Errorf("no server certificate for %s: %w", v.name, err)
	}
	v.host = &frontdoor.Host{
		Names: v.hosts, Service: v.name, Default: spec.Global, Address: spec.Address, Certificate: certificate,
		Clock: v.clock, Points: v.points, Log: s.o.Log,
	}
	v.front(v.host, spec)
	return v, nil
}

// front gives the host what devices and operators talk to.
func (v *Service) front(host *frontdoor.Host, spec ServiceSpec) {
	logger := v.server.o.Logger
	find := func(scope string) (*provisioning.Service, bool) {
		if strings.EqualFold(scope, v.scope) {
			return v.core, true
		}
		if spec.Global { // the global host serves the devices of every scope
			return v.server.byScope(scope)
		}
		return nil, false
	}
	operators := serviceapi.New(serviceapi.Options{
		Name: v.name, Hosts: []string{v.ServiceHost()},
		Policies: append([]serviceapi.Policy{
			{Name: ownerPolicy, Primary: v.key, Secondary: v.secondary, Rights: serviceapi.AllRights},
		}, spec.Policies...),
		Enrollments: v.enrollments, Registrations: v.registrations, Linked: v.core.Linked, Now: v.clock.Now,
		Points: v.points, NaiveREST: spec.NaiveREST, Quota: v.quota, Logger: logger,
	})
	devices := &httpsfront.Front{Home: v.core, Service: find, Logger: logger}
	host.HTTP = split(operators, devices)
	host.MQTT = mqttserver.New(&mqttfront.Front{Service: find, Logger: logger}, mqttserver.Options{Points: v.points, Logger: logger}).Serve
	host.AMQP = amqpserver.New(&amqpfront.Front{Home: v.core, Service: find, Logger: logger}, amqpserver.Options{Points: v.points, Logger: logger}).Serve
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

// keyBytes is the length of a random key.
const keyBytes = 64

func randomKey() []byte {
	key := make([]byte, keyBytes)
	rand.Read(key) // never fails
	return key
}

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return fmt.Sprintf("%x", b)
}
