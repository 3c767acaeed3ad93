package containers

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/suites/sut"
)

// Ports inside a container.
const (
	httpsPort   = "443/tcp"
	mqttsPort   = "8883/tcp"
	amqpsPort   = "5671/tcp"
	controlPort = "9443/tcp"
)

const (
	startTimeout = 30 * time.Second
	startLook    = 20 * time.Millisecond // between looks whether it answers
	stopTimeout  = 5 * time.Second       // for a container to end by itself
)

// lab is what the containers of a lab have in common.
type lab struct {
	engine *engine
	made   sut.Containers
	owner  string // of the run
	token  sut.Secret
	roots  *x509.CertPool
	hubs   []sut.Hub // of the state: names and connection strings
}

// unit is one container of a lab.
type unit struct {
	lab       *lab
	container *testcontainers.DockerContainer // nil when it could not be made
	ports     sut.Ports                       // published
	control   sut.Control                     // of its process
}

func (l *lab) labels() map[string]string {
	return map[string]string{labelRun: l.made.Run, labelOwner: l.owner}
}

// start starts a container that runs dpslab with args, known in the network by the aliases.
// It returns when its control port answers.
func (l *lab) start(ctx context.Context, name string, aliases []string, args ...string) (*unit, error) {
	args = append(args, "--state", stateIn, "--server-key", "p256", "--listen", "0.0.0.0", "--standard-ports",
		"--control-listen", "0.0.0.0:9443", "--retry-after", "1s")
	request := testcontainers.GenericContainerRequest{
		Started: true,
		Logger:  log.NewNoopLogger(),
		ContainerRequest: testcontainers.ContainerRequest{
			Name: name, Image: l.made.Image, Cmd: args, Files: copies(l.made.State), Labels: l.labels(),
			Networks: []string{l.made.Network}, NetworkAliases: map[string][]string{l.made.Network: aliases},
			ExposedPorts: []string{httpsPort, mqttsPort, amqpsPort, controlPort},
			Env: map[string]string{
				"DPSLAB_CONTROL_TOKEN": l.token.Reveal(),
				// for `dpslab health` inside
				"DPSLAB_CONTROL_URL": "https://127.0.0.1:9443", "DPSLAB_CA_FILE": stateIn + "/ca.pem",
			},
			ConfigModifier:     func(c *container.Config) { c.User = "0" }, // its copy of the state is root's alone
			HostConfigModifier: l.confine,
		},
	}
	made, err := testcontainers.GenericContainer(ctx, request)
	u := &unit{lab: l}
	u.container, _ = made.(*testcontainers.DockerContainer)
	if err != nil {
		return u, fmt.Errorf("start the container %s: %w", name, err)
	}
	return u, u.look(ctx)
}

// confine publishes ports on loopback only where that is where they are dialled, and lets
// no name through to the resolver of the host: a hub that is gone is asked for nowhere else.
func (l *lab) confine(h *container.HostConfig) {
	h.DNS = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	h.DNSOptions = []string{"timeout:2", "attempts:1"}
	h.CapDrop, h.CapAdd = []string{"ALL"}, []string{"NET_BIND_SERVICE"}
	if !l.engine.address.IsLoopback() {
		return
	}
	h.PortBindings = network.PortMap{}
	for _, port := range []string{httpsPort, mqttsPort, amqpsPort, controlPort} {
		h.PortBindings[network.MustParsePort(port)] = []network.PortBinding{{HostIP: l.engine.address}}
	}
}

// look finds the ports where the container is published now, and waits until it answers.
func (u *unit) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	var control int
	inspected, err := u.container.Inspect(ctx)
	if err != nil {
		return fmt.Errorf("look up published ports: %w", err)
	}
	for name, port := range map[string]*int{
		httpsPort: &u.ports.HTTPS, mqttsPort: &u.ports.MQTTS, amqpsPort: &u.ports.AMQPS, controlPort: &control,
	} {
		bound := inspected.NetworkSettings.Ports[network.MustParsePort(name)]
		if len(bound) == 0 {
			return fmt.Errorf("the container %s does not publish port %s: %s", inspected.Name, name, u.lastWords(ctx))
		}
		if *port, err = strconv.Atoi(bound[0].HostPort); err != nil {
			return fmt.Errorf("the container %s publishes port %s at %q", inspected.Name, name, bound[0].HostPort)
		}
	}
	u.control = sut.Control{URL: fmt.Sprintf("https://localhost:%d", control), Address: u.lab.engine.address.String(), Token: u.lab.token}
	return u.answers(ctx)
}

// answers waits until the control port does.
func (u *unit) answers(ctx context.Context) error {
	asked := controlapi.NewAt(u.control.URL, u.control.Address, u.control.Token.Reveal(), u.lab.roots)
	defer asked.Close()
	for {
		_, err := asked.Info(ctx)
		if err == nil {
			return nil
		}
		if s, failed := u.container.State(ctx); failed == nil && !s.Running {
			return fmt.Errorf("a container of the lab ended: %s", u.lastWords(ctx))
		}
		if clock.Wait(ctx, clock.System(), startLook) != nil {
			return fmt.Errorf("a container of the lab does not answer at %s: %w; where ports are published TESTCONTAINERS_HOST_OVERRIDE says", u.lab.engine.address, err)
		}
	}
}

// lastWords are the last line that the container printed.
func (u *unit) lastWords(ctx context.Context) string {
	logs, err := u.container.Logs(ctx)
	if err != nil {
		return oneLine(err)
	}
	defer logs.Close()
	said, err := io.ReadAll(io.LimitReader(logs, 1<<20))
	if err != nil {
		return oneLine(err)
	}
	return lastLine(string(said))
}

// hub is where a hub in this container answers.
func (u *unit) hub(of sut.Hub) sut.Hub {
	control := u.control
	return sut.Hub{
		Host: of.Host, Address: u.lab.engine.address.String(), Ports: u.ports, ConnectionString: of.ConnectionString,
		Inside: of.Host + ":443", Control: &control,
	}
}

func (u *unit) remove(ctx context.Context) error {
	if u.container == nil {
		return nil
	}
	_, err := u.lab.engine.api.ContainerRemove(ctx, u.container.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	return err
}
