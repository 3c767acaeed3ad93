package containers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"

	"github.com/dpslab/dpslab/internal/clock"
)

// ErrNoEngine is wrapped by the error of a machine without a container engine.
var ErrNoEngine = errors.New("no container engine answers")

// engineTimeout is how long an engine may take to answer at all.
const engineTimeout = 20 * time.Second

// engine is the container engine that answers.
type engine struct {
	provider *testcontainers.DockerProvider
	api      client.APIClient
	address  netip.Addr // where published ports are dialled
}

func openEngine(ctx context.Context) (*engine, error) {
	byDefault()
	log.SetDefault(log.NewNoopLogger()) // it greets whoever finds an engine
	found := make(chan error, 1)
	e := &engine{}
	go func() { found <- e.find(ctx) }()
	limit := clock.System().NewTimer(engineTimeout)
	defer limit.Stop()
	select {
	case err := <-found:
		return e, err
	case <-limit.C():
		return nil, fmt.Errorf("%w within %v; %s", ErrNoEngine, engineTimeout, whatToTry)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

const whatToTry = "start Docker or Podman, or say where one is with DOCKER_HOST"

func (e *engine) find(ctx context.Context) error {
	provider, err := testcontainers.ProviderDefault.GetProvider()
	if err != nil {
		return fmt.Errorf("%w: %s; %s", ErrNoEngine, oneLine(err), whatToTry)
	}
	docker, ok := provider.(*testcontainers.DockerProvider)
	if !ok {
		return fmt.Errorf("%w that Docker's API reaches; %s", ErrNoEngine, whatToTry)
	}
	if _, err := docker.Client().Ping(ctx, client.PingOptions{}); err != nil {
		return fmt.Errorf("%w: %s; %s", ErrNoEngine, oneLine(err), whatToTry)
	}
	// testcontainers-go goes on looking where the one that was named does not answer.
	if named := os.Getenv("DOCKER_HOST"); named != "" && named != docker.Client().DaemonHost() && !configured() {
		return fmt.Errorf("%w at %s, which DOCKER_HOST names; start it, or unset DOCKER_HOST", ErrNoEngine, named)
	}
	e.provider, e.api = docker, docker.Client()
	host, err := docker.DaemonHost(ctx)
	if err != nil {
		return fmt.Errorf("where the container engine publishes ports: %s; set TESTCONTAINERS_HOST_OVERRIDE", oneLine(err))
	}
	e.address, err = addressOf(ctx, host)
	return err
}

// addressOf is an IP address of the engine's host: a target file names no host to resolve.
func addressOf(ctx context.Context, host string) (netip.Addr, error) {
	if host == "localhost" {
		host = "127.0.0.1"
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip, nil
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("the container engine's host %q: %w; set TESTCONTAINERS_HOST_OVERRIDE", host, err)
	}
	return ips[0].Unmap(), nil
}

// byDefault says for testcontainers-go what the user has not said, when the engine is one
// of this machine: its reaper's image may not be there to pull, and from inside a container
// it looks for published ports at a gateway.
func byDefault() {
	if at := os.Getenv("DOCKER_HOST"); at != "" && !strings.HasPrefix(at, "unix://") && !strings.HasPrefix(at, "npipe://") {
		return
	}
	if configured() {
		return
	}
	for name, value := range map[string]string{
		"TESTCONTAINERS_RYUK_DISABLED": "true", "TESTCONTAINERS_HOST_OVERRIDE": "127.0.0.1",
	} {
		if _, set := os.LookupEnv(name); !set {
			os.Setenv(name, value)
		}
	}
}

// configured reports whether the user has a file of properties for testcontainers-go.
func configured() bool {
	home, err := os.UserHomeDir()
	if err == nil {
		_, err = os.Stat(filepath.Join(home, ".testcontainers.properties"))
	}
	return err == nil
}

// oneLine is an error of the engine on one line.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
