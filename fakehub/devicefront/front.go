package devicefront

import (
	"context"
	"log/slog"
	"strings"
	"sync"

	"github.com/dpslab/dpslab/fakehub/method"
	"github.com/dpslab/dpslab/fakehub/registry"
	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/mqttserver"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/telemetry"
)

// Options make the device side of one hub. Host, Registry, Methods and Telemetry are
// required.
type Options struct {
	Host      string
	Registry  *registry.Registry
	Methods   *method.Exchange
	Telemetry *telemetry.Store
	Clock     clock.Clock
	Points    *point.Set
	Logger    *slog.Logger
}

// Front serves the devices of one hub.
type Front struct {
	Options
	server *mqttserver.Server
	stored storedSessions
	amqp   *amqpserver.Server
	places sync.Map // of *amqpserver.Link, by place
}

const (
	// maxTelemetry is the largest payload (iot-hub.md 1.5).
	maxTelemetry = 256 << 10
	// maxPacket leaves room for the longest topic beside it.
	maxPacket = maxTelemetry + 64<<10 + 4
)

// New returns a front without connections.
func New(o Options) *Front {
	if o.Clock == nil {
		o.Clock = clock.System()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Host = strings.ToLower(o.Host)
	f := &Front{Options: o, stored: storedSessions{byClient: map[string]*storedSession{}}}
	f.server = mqttserver.New(handler{f}, mqttserver.Options{Points: o.Points, MaxPacket: maxPacket, Logger: o.Logger})
	f.amqp = newAMQPServer(f)
	return f
}

// ServeMQTT runs one connection; it is the MQTT function of a frontdoor.Host.
func (f *Front) ServeMQTT(ctx context.Context, c *frontdoor.Conn) { f.server.Serve(ctx, c) }
