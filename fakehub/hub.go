package fakehub

import (
	"crypto/rand"
	"fmt"

	"github.com/dpslab/dpslab/fakehub/devicefront"
	"github.com/dpslab/dpslab/fakehub/method"
	"github.com/dpslab/dpslab/fakehub/registry"
	"github.com/dpslab/dpslab/fakehub/serviceapi"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/sas"
	"github.com/dpslab/dpslab/internal/telemetry"
)

// Hub is one IoT hub.
type Hub struct {
	name      string
	key       []byte
	door      *frontdoor.Door
	behind    frontdoor.Host
	clock     *clock.Movable
	points    *point.Set
	registry  *registry.Registry
	telemetry *telemetry.Store
}

// keyBytes is the length of a policy's key.
const keyBytes = 32

func newHub(s *Server, spec HubSpec) (*Hub, error) {
	secondary, err := secondaryKey(spec)
	if err != nil {
		return nil, err
	}
	h := &Hub{name: spec.Name, key: orRandom(spec.Key), door: s.o.Door, clock: clock.NewMovable(s.o.Clock)}
	host := spec.Name + "." + s.o.Domain
	certificate, err := s.o.Certificate(host)
	if err != nil {
		return nil, fmt.Errorf("certificate of hub %q: %w", spec.Name, err)
	}
	h.points = point.NewSet(h.clock)
	if h.registry, err = registry.Open(registry.Options{Host: host, Clock: h.clock, Data: spec.Data}); err != nil {
		return nil, fmt.Errorf("hub %q: %w", spec.Name, err)
	}
	h.telemetry = telemetry.NewStore(h.clock, s.o.RetainEvents)
	methods := method.New(h.clock, h.points)
	devices := devicefront.New(devicefront.Options{
		Host: host, Registry: h.registry, Methods: methods, Telemetry: h.telemetry,
		Clock: h.clock, Points: h.points, Logger: s.o.Logger,
	})
	clients := serviceapi.New(serviceapi.Options{
		Host: host, Registry: h.registry, Methods: methods, Keys: [2][]byte{h.key, secondary},
		Clock: h.clock, Points: h.points, Logger: s.o.Logger,
	})
	h.behind = frontdoor.Host{
		Names: []string{host}, Service: spec.Name, Certificate: certificate,
		Clock: h.clock, Points: h.points, Log: s.o.Log,
		HTTP: clients, MQTT: devices.ServeMQTT, AMQP: devices.ServeAMQP,
	}
	return h, nil
}

// secondaryKey is the spec's, or the one that its data file has.
func secondaryKey(spec HubSpec) ([]byte, error) {
	if len(spec.SecondaryKey) > 0 || spec.Data == nil {
		return orRandom(spec.SecondaryKey), nil
	}
	return spec.Data.Secret("secondary key", keyBytes)
}

func orRandom(key []byte) []byte {
	if len(key) > 0 {
		return key
	}
	key = make([]byte, keyBytes)
	rand.Read(key) // never fails
	return key
}

// Name is the hub's name, the first label of its host name.
func (h *Hub) Name() string { return h.name }

// Host is the hub's host name.
func (h *Hub) Host() string { return h.behind.Names[0] }

// Address is the IP where the hub answers: its own, or the first shared one.
func (h *Hub) Address() string {
	if h.behind.Address != "" {
		return h.behind.Address
	}
	return h.door.Addresses()[0]
}

// ConnectionString has the primary key of the policy iothubowner. It is a secret.
func (h *Hub) ConnectionString() string {
	return sas.ConnectionString{HostName: h.Host(), SharedAccessKeyName: serviceapi.Policy, SharedAccessKey: h.key}.Reveal()
}

// Clock is the hub's clock, which control moves ahead.
func (h *Hub) Clock() *clock.Movable { return h.clock }

// Points is where defects and faults of the hub are armed.
func (h *Hub) Points() *point.Set { return h.points }

// Registry holds the hub's identities and twins, for message-level runs without sockets.
func (h *Hub) Registry() *registry.Registry { return h.registry }

// Telemetry is what devices sent.
func (h *Hub) Telemetry() *telemetry.Store { return h.telemetry }
