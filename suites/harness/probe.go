package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/requirement"
	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/suites/sut"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// probeTime is all that Probe takes. Everything is looked at at once.
const probeTime = 5 * time.Second

// Probe looks at the target before any check does: whether each transport, the service API,
// each hub and each api-version answers. It holds what it sees against what the target file
// claims, in Claims. The error says that nothing answers that is claimed, so that there is
// no target to check.
func (e *Env) Probe(ctx context.Context) error {
	ctx, cancel := context.WithDeadline(ctx, clock.SocketDeadline(probeTime))
	defer cancel()
	probes := e.probes()
	var running sync.WaitGroup
	for i := range probes {
		running.Go(func() { probes[i].sight = probes[i].look(ctx) })
	}
	running.Wait()
	e.Claims = nil
	var dead []error
	alive := false
	for _, p := range probes {
		e.Claims = append(e.Claims, p.judged())
		switch {
		case !p.claimed || !p.vital:
		case p.sight.seen == reports.SeenYes:
			alive = true
		case p.sight.err != nil:
			dead = append(dead, p.sight.err)
		}
	}
	if !alive && len(dead) > 0 {
		return fmt.Errorf("no service to check: %w", dead[0])
	}
	return nil
}

// probe is one thing to look for.
type probe struct {
	name    string
	claimed bool
	vital   bool // one of those that make a service
	look    func(ctx context.Context) sight
	add     string // to the target file, when it is seen and not claimed
	correct string // in the target file, when it is claimed and not seen
	sight   sight
}

// sight is what was seen.
type sight struct {
	seen reports.Sight
	note string
	err  error
}

func yes(format string, a ...any) sight {
	return sight{reports.SeenYes, fmt.Sprintf(format, a...), nil}
}

func no(err error) sight {
	var unsent *devwire.NotSent
	switch {
	case errors.As(err, &unsent):
		return sight{reports.SeenNo, "the target file gives no port for it", err}
	case errors.Is(err, context.DeadlineExceeded):
		return sight{reports.SeenNo, fmt.Sprintf("nothing came within %v", probeTime), err}
	case errors.Is(err, io.EOF):
		return sight{reports.SeenNo, "the connection was closed without an answer", err}
	}
	return sight{reports.SeenNo, err.Error(), err}
}

func unlooked(why string) sight { return sight{reports.SeenUnknown, why, nil} }

func (p probe) judged() reports.Claim {
	c := reports.Claim{Name: p.name, Claimed: p.claimed, Seen: p.sight.seen, Outcome: reports.Passed, Note: p.sight.note}
	switch {
	case c.Seen == reports.SeenUnknown:
		c.Outcome = reports.Skipped
	case c.Claimed && c.Seen == reports.SeenNo:
		c.Outcome, c.Change = reports.Failed, p.correct
	case !c.Claimed && c.Seen == reports.SeenYes:
		c.Outcome, c.Change = reports.Failed, p.add
	}
	return c
}

func (e *Env) probes() []probe {
	claims := e.Target.Capabilities
	var list []probe
	for _, over := range transports() {
		list = append(list, probe{
			name: transport + over.String(), claimed: sut.Claims(claims.Transports, over.String()), vital: true,
			look:    func(ctx context.Context) sight { return e.lookOver(ctx, over) },
			add:     "add " + over.String() + " to capabilities.transports, or take its port out of the target file; to leave its checks out use --label-filter",
			correct: "correct dps.address and dps.ports, or list under capabilities.transports what the target speaks",
		})
	}
	list = append(list, probe{
		name: serviceAPI, claimed: e.Target.ServiceAPI(), vital: true, look: e.lookAtServiceAPI,
		correct: "correct dps.service_connection_string, or leave it out and let enrollments or hooks enroll",
	})
	for i, h := range e.Target.Hubs {
		list = append(list, probe{
			name: "hub " + h.Host, claimed: true, look: func(ctx context.Context) sight { return e.lookAtHub(ctx, h) },
			correct: fmt.Sprintf("correct hubs[%d] of the target file, or take it out", i),
		})
	}
	if e.unclaimed(dps.HTTPS) == "" {
		list = append(list, e.versionProbes()...)
	}
	for _, word := range attestations() {
		list = append(list, probe{
			name: attestation + word, claimed: sut.Claims(claims.Attestations, word),
			look: func(context.Context) sight { return unlooked("not looked for; its checks show it") },
		})
	}
	return list
}

// nobody is a device that is not enrolled: whoever answers it is there.
func (e *Env) nobody(version string) devwire.Identity {
	return devwire.Identity{Scope: e.Target.DPS.IDScope, RegistrationID: e.Target.Prefix + "probe", APIVersion: version}
}

func (e *Env) lookOver(ctx context.Context, over dps.Transport) sight {
	ep := e.Target.Device()
	switch over {
	case dps.HTTPS:
		status, err := e.lookUp(ctx, "")
		if err != nil {
			return no(err)
		}
		return yes("a lookup was answered with %d", status)
	case dps.MQTT, dps.MQTTWebSocket:
		conn, err := e.Wire.Packets(ctx, over, ep, devwire.DialOptions{})
		if err != nil {
			return no(err)
		}
		defer conn.Close()
		if err := conn.Send(e.Wire.ConnectPacket(e.nobody(""))); err != nil {
			return no(err)
		}
		heard, err := conn.Next(ctx)
		if err != nil {
			return no(err)
		}
		connack, ok := heard.(*packets.ConnackPacket)
		if !ok {
			return no(fmt.Errorf("a CONNECT was answered with %v", heard))
		}
		return yes("CONNACK %d", connack.ReturnCode)
	default:
		conn, err := e.Wire.AMQP(ctx, over, ep, devwire.DialOptions{})
		if err != nil {
			return no(err)
		}
		defer conn.Close()
		if err := conn.Send(amqpframe.Layer(amqpframe.HeaderSASL)); err != nil {
			return no(err)
		}
		if _, err := conn.Next(ctx); err != nil {
			return no(err)
		}
		return yes("the protocol header was answered")
	}
}

// lookUp asks for the registration of nobody, which costs nothing (device-api.md 1.1).
func (e *Env) lookUp(ctx context.Context, version string) (status int, err error) {
	client := e.Wire.HTTP(e.Target.Device(), devwire.DialOptions{})
	defer client.Close()
	id := e.nobody(version)
	body, err := id.Registration(nil)
	if err != nil {
		return 0, err
	}
	answer, err := client.Do(ctx, devwire.HTTPRequest{
		Method: http.MethodPost, Path: devwire.LookupPath(id), Body: body, Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}},
	})
	return answer.Status, err
}

func (e *Env) lookAtServiceAPI(ctx context.Context) sight {
	if e.Target.DPS.ServiceConnectionString == "" {
		return unlooked("there is no connection string to ask with")
	}
	client, err := e.Wire.Service(e.Target.Service(), e.Target.DPS.ServiceConnectionString.Reveal())
	if err != nil {
		return no(err)
	}
	defer client.Close()
	answer, err := client.GetEnrollment(ctx, e.Target.Prefix+"probe")
	return answered("an enrollment that is not there", answer, err)
}

func (e *Env) lookAtHub(ctx context.Context, h sut.Hub) sight {
	ep := e.Target.Endpoint(h)
	if h.ConnectionString == "" {
		port := cmp.Or(ep.MQTTSPort, ep.HTTPSPort, ep.AMQPSPort)
		conn, err := e.Wire.Dial(ctx, ep, port, devwire.DialOptions{})
		if err != nil {
			return no(err)
		}
		conn.Close()
		return yes("port %d answers with a certificate of its name", port)
	}
	client, err := e.Wire.HubService(ep, h.ConnectionString.Reveal())
	if err != nil {
		return no(err)
	}
	defer client.Close()
	answer, err := client.Identity(ctx, e.Target.Prefix+"probe")
	return answered("an identity that is not there", answer, err)
}

// answered takes the two answers that somebody with rights can get.
func answered(what string, answer devwire.HTTPResponse, err error) sight {
	switch {
	case err != nil:
		return no(err)
	case answer.Status == http.StatusOK || answer.Status == http.StatusNotFound:
		return yes("a request for %s was answered with %d", what, answer.Status)
	}
	err = fmt.Errorf("a request for %s, with the connection string's key, was answered with %d", what, answer.Status)
	return no(err)
}

// versionProbes compare the answer to each version with that to one that nobody has. Where
// they are alike the service judges something else first, and nothing can be seen.
func (e *Env) versionProbes() []probe {
	const noVersion = "1999-01-01"
	type answer struct {
		wrong, right int
		err          error
	}
	compare := sync.OnceValue(func() (a answer) {
		ctx, cancel := context.WithDeadline(context.Background(), clock.SocketDeadline(probeTime))
		defer cancel()
		if a.wrong, a.err = e.lookUp(ctx, noVersion); a.err == nil {
			a.right, a.err = e.lookUp(ctx, devwire.DefaultDeviceAPIVersion)
		}
		return a
	})
	look := func(ctx context.Context, version string) sight {
		known := compare()
		if known.err != nil {
			return unlooked("https did not answer")
		}
		wrong, right := known.wrong, known.right
		status, err := e.lookUp(ctx, version)
		switch {
		case err != nil:
			return unlooked("https did not answer")
		case right == wrong:
			return unlooked(fmt.Sprintf("a version and none are answered alike (%d)", wrong))
		case status == wrong:
			return no(fmt.Errorf("answered with %d, as is a version that nobody has", status))
		}
		return yes("answered with %d, and a version that nobody has with %d", status, wrong)
	}
	var list []probe
	for _, version := range APIVersions() {
		list = append(list, probe{
			name: "api-version " + version, claimed: sut.Claims(e.Target.Capabilities.APIVersions, version),
			look:    func(ctx context.Context) sight { return look(ctx, version) },
			add:     "add it to capabilities.api_versions",
			correct: "list under capabilities.api_versions what the target speaks",
		})
	}
	return list
}

const attestation = "attestation "

// families show by their checks whether an attestation is there.
var families = map[string]string{"symmetric-key": "SAS", "x509": "X509", "tpm": "TPM"}

// FamilyOf is the family whose checks show what a claim of that name claims, "" where Probe
// looks for itself.
func FamilyOf(claim string) string {
	word, ok := strings.CutPrefix(claim, attestation)
	if !ok {
		return ""
	}
	return families[word]
}

// attestations are the words of those that the catalogue is about.
func attestations() []string {
	return slices.DeleteFunc(slices.Clone(sut.Attestations), func(word string) bool {
		return !slices.ContainsFunc(requirement.All(), func(r Requirement) bool { return strings.EqualFold(r.Family(), families[word]) })
	})
}
