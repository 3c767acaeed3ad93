package controlapi

import (
	"context"
	"net/http"
	"time"
)

const services = "services"

// LinkedHub links a hub to a service. Fields that are nil have the service's defaults.
type LinkedHub struct {
	ConnectionString      string `json:"connectionString"`
	Address               string `json:"address,omitempty"` // host:port where the service dials the hub; empty: the lab knows
	AllocationWeight      *int   `json:"allocationWeight,omitempty"`
	ApplyAllocationPolicy *bool  `json:"applyAllocationPolicy,omitempty"`
}

// String names the link without its connection string.
func (h LinkedHub) String() string { return "linked hub" }

// ServiceSpec asks for a service. Its zero value is a service with a name of the lab's
// choosing and every default.
type ServiceSpec struct {
	Name              string         `json:"name,omitempty"`
	OwnAddress        bool           `json:"ownAddress,omitempty"`       // a loopback address of its own
	AllocationPolicy  string         `json:"allocationPolicy,omitempty"` // "hashed", "geoLatency", "static"
	LinkedHubs        []LinkedHub    `json:"linkedHubs,omitempty"`
	Latencies         Latencies      `json:"latencies,omitempty"` // default: none, so that all hubs tie
	Policies          []AccessPolicy `json:"policies,omitempty"`
	RetryAfterSeconds *int           `json:"retryAfterSeconds,omitempty"`
	NaiveREST         *bool          `json:"naiveRest,omitempty"`
	Limits            *Limits        `json:"limits,omitempty"`  // default: none
	Defects           []string       `json:"defects,omitempty"` // ids of catalogue entries, armed for the whole service
}

// AccessPolicy is a shared access policy beside the owner's. Its rights are words with
// commas between, as in "EnrollmentRead,EnrollmentWrite"; its keys are base64.
type AccessPolicy struct {
	Name         string `json:"name"`
	PrimaryKey   []byte `json:"primaryKey"`
	SecondaryKey []byte `json:"secondaryKey"`
	Rights       string `json:"rights"`
}

// Limits are those of a service; 0 is none (device-api.md 8).
type Limits struct {
	RegistrationsPerMinute int `json:"registrationsPerMinute,omitempty"`
	OperationsPerMinute    int `json:"operationsPerMinute,omitempty"` // of the service API
	PollsPerTenSeconds     int `json:"pollsPerTenSeconds,omitempty"`  // of each device
}

// Service describes a service. ConnectionString has the key of its owner policy; String
// leaves it out.
type Service struct {
	Name              string    `json:"name"`
	IDScope           string    `json:"idScope"`
	DeviceHost        string    `json:"deviceHost"`
	ServiceHost       string    `json:"serviceHost"`
	Address           string    `json:"address"` // IP
	Ports             Ports     `json:"ports"`
	ConnectionString  string    `json:"connectionString"`
	LinkedHubs        []string  `json:"linkedHubs"` // host names
	RetryAfterSeconds int       `json:"retryAfterSeconds"`
	Limits            Limits    `json:"limits"`
	Latencies         Latencies `json:"latencies,omitempty"`
}

func (s Service) String() string { return "service " + s.Name + " at " + s.Address }

// CreateService makes a service.
func (c *Client) CreateService(ctx context.Context, spec ServiceSpec) (Service, error) {
	return call[Service](ctx, c, http.MethodPost, path(services), nil, spec, answerLimit)
}

// Services lists the services.
func (c *Client) Services(ctx context.Context) ([]Service, error) {
	return call[[]Service](ctx, c, http.MethodGet, path(services), nil, nil, answerLimit)
}

// Service describes one service.
func (c *Client) Service(ctx context.Context, name string) (Service, error) {
	return call[Service](ctx, c, http.MethodGet, path(services, name), nil, nil, answerLimit)
}

// DeleteService removes a service with everything in it.
func (c *Client) DeleteService(ctx context.Context, name string) error {
	return c.remove(ctx, path(services, name))
}

// SetLinkedHubs replaces the hubs that are linked to a service.
func (c *Client) SetLinkedHubs(ctx context.Context, name string, hubs []LinkedHub) error {
	if hubs == nil {
		hubs = []LinkedHub{}
	}
	_, err := call[any](ctx, c, http.MethodPut, path(services, name, "linkedHubs"), nil, hubs, answerLimit)
	return err
}

// SetLimits replaces the limits of a service.
func (c *Client) SetLimits(ctx context.Context, name string, l Limits) error {
	_, err := call[any](ctx, c, http.MethodPut, path(services, name, "limits"), nil, l, answerLimit)
	return err
}

// AdvanceService moves a service's clock ahead and returns what it shows; 0 only reads it.
func (c *Client) AdvanceService(ctx context.Context, name string, d time.Duration) (time.Time, error) {
	return c.advance(ctx, services, name, d)
}

// ArmService makes a catalogue entry act in a service, and returns the handle that
// disarms it.
func (c *Client) ArmService(ctx context.Context, name string, p Plan) (handle string, err error) {
	return c.arm(ctx, services, name, p)
}

// DisarmService ends what ArmService began.
func (c *Client) DisarmService(ctx context.Context, name, handle string) error {
	return c.remove(ctx, path(services, name, "points", handle))
}

// ServicePoints lists what is armed in a service and how often each acted.
func (c *Client) ServicePoints(ctx context.Context, name string) ([]Armed, error) {
	return c.points(ctx, services, name)
}

func (c *Client) remove(ctx context.Context, path string) error {
	_, err := call[any](ctx, c, http.MethodDelete, path, nil, nil, answerLimit)
	return err
}

func (c *Client) advance(ctx context.Context, collection, name string, d time.Duration) (time.Time, error) {
	type advance struct {
		Seconds float64 `json:"advanceSeconds"`
	}
	type shows struct {
		Now time.Time `json:"now"`
	}
	at, err := call[shows](ctx, c, http.MethodPost, path(collection, name, "clock"), nil, advance{d.Seconds()}, answerLimit)
	return at.Now, err
}
