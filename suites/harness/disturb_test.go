package harness_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/sut"
	. "github.com/onsi/gomega"
)

// talk sends a request over a connection to a hub and waits a moment for the answer.
func talk(c net.Conn) error {
	c.SetDeadline(clock.SocketDeadline(300 * time.Millisecond))
	if _, err := fmt.Fprint(c, "GET /devices HTTP/1.1\r\nHost: hub-1.test\r\n\r\n"); err != nil {
		return err
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err == nil {
		answer.Body.Close()
	}
	return err
}

func dial(ctx context.Context, env *harness.Env, at string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	d := tls.Dialer{Config: &tls.Config{RootCAs: env.Wire.Roots, ServerName: "hub-1.test"}}
	return d.DialContext(ctx, "tcp", at)
}

func TestARelayRefusesOrSaysNothingAndComesBack(t *testing.T) {
	for _, d := range []harness.Disturbance{harness.Refusing, harness.Silent} {
		s, target := startScript(t)
		r := run(t, open(t, target), plain, func(ctx context.Context, env *harness.Env, t *harness.T) {
			hub := d.Hub(ctx, env, t)
			env.Service(ctx, t, harness.WithHubs(hub.Hub))
			before, err := dial(ctx, env, hub.Inside)
			t.Must(err, "connect")
			defer before.Close()
			t.Expect(talk(before)).To(Succeed())
			hub.Disturb(ctx, t)
			t.Expect(talk(before)).NotTo(Succeed(), "a connection of before")
			_, err = dial(ctx, env, hub.Inside)
			t.Expect(err).To(HaveOccurred(), "a new connection")
			hub.Restore(ctx, t)
			t.Expect(talk(before)).NotTo(Succeed(), "a connection of before, afterwards")
			after, err := dial(ctx, env, hub.Inside)
			t.Must(err, "connect again")
			defer after.Close()
			t.Expect(talk(after)).To(Succeed())
		})
		if r.Outcome != reports.Passed {
			t.Errorf("a hub that %s: %s %s", d.Name, r.Outcome, r.Failure)
		}
		if len(s.links) != 1 || !strings.HasPrefix(s.links[0], "127.0.0.1:") {
			t.Errorf("the service is told %q", s.links)
		}
	}
}

// rig is a lab that starts containers, of which each time it is asked to another one
// answers.
type rig struct {
	hubs  []sut.Hub
	asked []string
	at    int
	fails string
}

func (r *rig) StartHub(context.Context) (harness.Container, error) { return r, r.note("start") }

func (r *rig) Hub() sut.Hub { return r.hubs[r.at] }

func (r *rig) note(what string) error {
	r.asked = append(r.asked, what)
	if what == r.fails {
		return errors.New("the engine is gone")
	}
	return nil
}

func (r *rig) Stop(context.Context) error    { return r.note("stop") }
func (r *rig) Start(context.Context) error   { r.at++; return r.note("start again") }
func (r *rig) Pause(context.Context) error   { return r.note("pause") }
func (r *rig) Unpause(context.Context) error { return r.note("unpause") }
func (r *rig) Cut(context.Context) error     { return r.note("cut") }
func (r *rig) Heal(context.Context) error    { r.at++; return r.note("heal") }
func (r *rig) Remove(context.Context) error  { return r.note("remove") }

func TestAHubInAContainerIsFoundWhereItAnswersAfterwards(t *testing.T) {
	for d, want := range map[*harness.Disturbance][]string{
		&harness.Stopped: {"start", "stop", "start again", "remove"},
		&harness.Paused:  {"start", "pause", "unpause", "remove"},
		&harness.Cut:     {"start", "cut", "heal", "remove"},
	} {
		_, hubA, hubB, target := severalProcesses(t)
		moves := d != &harness.Paused
		r := &rig{hubs: target.Hubs}
		env := open(t, target)
		env.Containers = r
		result := run(t, env, plain, func(ctx context.Context, env *harness.Env, t *harness.T) {
			hub := d.Hub(ctx, env, t)
			hub.Device(ctx, t)
			hub.Disturb(ctx, t)
			hub.Restore(ctx, t)
			hub.Advance(ctx, t, time.Minute)
			hub.Device(ctx, t)
			t.Expect(1).To(Equal(2), "so that the exchange is read")
		})
		if result.Outcome != reports.Failed || !slices.Equal(r.asked, want) {
			t.Errorf("%s: %s %s, the container was asked to %q", d.Name, result.Outcome, result.Failure, r.asked)
		}
		first, then := strings.Join(hubA.requests(), " "), strings.Join(hubB.requests(), " ")
		if !moves {
			first, then = "", first
		}
		if moves && !strings.Contains(first, "PUT /devices/") {
			t.Errorf("%s: before, the hub was asked %s", d.Name, first)
		}
		for _, part := range []string{"PUT /devices/", "/clock", "GET /v1/transcript"} {
			if !strings.Contains(then, part) {
				t.Errorf("%s: afterwards the hub was asked %s, and not for %s", d.Name, then, part)
			}
		}
	}
}

// A red must not wait for the record of a process that cannot answer.
func TestTheRecordOfAHubThatIsAwayIsNotAskedFor(t *testing.T) {
	_, hubA, _, target := severalProcesses(t)
	env := open(t, target)
	env.Containers = &rig{hubs: target.Hubs}
	r := run(t, env, plain, func(ctx context.Context, env *harness.Env, t *harness.T) {
		harness.Paused.Hub(ctx, env, t).Disturb(ctx, t)
		t.Expect(1).To(Equal(2))
	})
	if text := strings.Join(hubA.requests(), " "); strings.Contains(text, "transcript") || !strings.Contains(strings.Join(r.Steps, " "), "cannot be asked") {
		t.Errorf("asked %s; steps %q", text, r.Steps)
	}
}

func TestAContainerThatCannotBeDisturbedIsAnError(t *testing.T) {
	for _, fails := range []string{"start", "cut", "heal", "remove"} {
		_, _, _, target := severalProcesses(t)
		env := open(t, target)
		env.Containers = &rig{hubs: target.Hubs, fails: fails}
		r := run(t, env, plain, func(ctx context.Context, env *harness.Env, t *harness.T) {
			hub := harness.Cut.Hub(ctx, env, t)
			hub.Disturb(ctx, t)
			hub.Restore(ctx, t)
			t.Expect(1).To(Equal(1))
		})
		if r.Outcome != reports.Error || !strings.Contains(r.Failure, "the engine is gone") {
			t.Errorf("%s: %s %s", fails, r.Outcome, r.Failure)
		}
	}
}
