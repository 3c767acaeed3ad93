package controlapi

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"
)

const hubs = "hubs"

// HubSpec asks for a hub. Its zero value is a hub with a name of the lab's choosing.
type HubSpec struct {
	Name       string   `json:"name,omitempty"`
	OwnAddress bool     `json:"ownAddress,omitempty"` // a loopback address of its own
	Defects    []string `json:"defects,omitempty"`    // ids of catalogue entries, armed for the whole hub
}

// Hub describes a hub. ConnectionString has the key of its owner policy; String leaves it
// out.
type Hub struct {
	Name             string `json:"name"`
	Host             string `json:"host"`
	Address          string `json:"address"` // IP
	Ports            Ports  `json:"ports"`
	ConnectionString string `json:"connectionString"`
}

func (h Hub) String() string { return "hub " + h.Host + " at " + h.Address }

// Telemetry is a message that a hub accepted from a device.
type Telemetry struct {
	Seq          uint64    `json:"seq"`
	DeviceID     string    `json:"deviceId"`
	EnqueuedTime time.Time `json:"enqueuedTime"` // by the hub's clock
	Body         []byte    `json:"body"`
	// Properties are the application properties; nil is a name that came without a value.
	Properties       map[string]*string `json:"properties"`
	SystemProperties map[string]string  `json:"systemProperties"`
}

// TelemetryFilter selects messages. Empty fields select all.
type TelemetryFilter struct {
	Device string
	After  uint64 // only messages with a higher Seq
}

func (f TelemetryFilter) query() url.Values {
	return query("device", f.Device, "after", count(f.After))
}

// CreateHub makes a hub.
func (c *Client) CreateHub(ctx context.Context, spec HubSpec) (Hub, error) {
	return call[Hub](ctx, c, http.MethodPost, path(hubs), nil, spec, answerLimit)
}

// Hubs lists the hubs.
func (c *Client) Hubs(ctx context.Context) ([]Hub, error) {
	return call[[]Hub](ctx, c, http.MethodGet, path(hubs), nil, nil, answerLimit)
}

// Hub describes one hub.
func (c *Client) Hub(ctx context.Context, name string) (Hub, error) {
	return call[Hub](ctx, c, http.MethodGet, path(hubs, name), nil, nil, answerLimit)
}

// DeleteHub removes a hub with everything in it.
func (c *Client) DeleteHub(ctx context.Context, name string) error {
	return c.remove(ctx, path(hubs, name))
}

// AdvanceHub moves a hub's clock ahead and returns what it shows; 0 only reads it.
func (c *Client) AdvanceHub(ctx context.Context, name string, d time.Duration) (time.Time, error) {
	return c.advance(ctx, hubs, name, d)
}

// ArmHub makes a catalogue entry act in a hub, and returns the handle that disarms it.
func (c *Client) ArmHub(ctx context.Context, name string, p Plan) (handle string, err error) {
	return c.arm(ctx, hubs, name, p)
}

// DisarmHub ends what ArmHub began.
func (c *Client) DisarmHub(ctx context.Context, name, handle string) error {
	return c.remove(ctx, path(hubs, name, "points", handle))
}

// HubPoints lists what is armed in a hub and how often each acted.
func (c *Client) HubPoints(ctx context.Context, name string) ([]Armed, error) {
	return c.points(ctx, hubs, name)
}

// Telemetry returns the messages that a hub retains and the filter selects.
func (c *Client) Telemetry(ctx context.Context, hub string, f TelemetryFilter) ([]Telemetry, error) {
	return call[[]Telemetry](ctx, c, http.MethodGet, path(hubs, hub, "telemetry"), f.query(), nil, transcriptLimit)
}

// FollowTelemetry yields what is retained and then what the hub accepts, until ctx ends.
// Whatever else ends it is yielded as the last error.
func (c *Client) FollowTelemetry(ctx context.Context, hub string, f TelemetryFilter) iter.Seq2[Telemetry, error] {
	return stream[Telemetry](ctx, c, path(hubs, hub, "telemetry"), f.query())
}
