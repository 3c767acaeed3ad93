package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/lab"
	"github.com/dpslab/dpslab/suites"
	"github.com/dpslab/dpslab/suites/engine"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/sut"
)

// standIn is a lab in this process that answers in the place of a target: it has as many
// hubs, no control port, the same claims and the same way to enroll. What checks ask of it
// is what they would ask of the target, to which nothing is sent.
type standIn struct {
	env   *harness.Env
	lab   *lab.Lab
	desc  *description
	hooks *standInHooks // nil for a target without
}

func openStandIn(ctx context.Context, t sut.Target) (*standIn, error) {
	l, err := lab.Start(lab.Options{
		AutoPorts: true, Reference: true, Plain: true, Fakehub: true, Hubs: max(1, len(t.Hubs)), ServerKey: lab.P256, RetryAfter: time.Second, Version: version(),
	})
	if err != nil {
		return nil, err
	}
	d, err := describe(l, "")
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	s := &standIn{lab: l, desc: d}
	if s.env, err = s.open(ctx, t); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// dryRun tells what a run at the target would do.
func dryRun(cmd *cobra.Command, target string, o engine.Options) error {
	if target == embedded || target == inContainers {
		return errors.New("which target? --dry-run tells what a run at --target FILE would do")
	}
	t, err := sut.Load(target)
	if err != nil {
		return err
	}
	s, err := openStandIn(cmd.Context(), t)
	if err != nil {
		return err
	}
	defer s.close()
	if o.Parallel == 0 {
		o.Parallel = engine.Parallel(t)
	}
	run, err := engine.Run(cmd.Context(), s.env, suites.All(), o)
	if err != nil {
		return err
	}
	if err := cmd.Context().Err(); err != nil {
		return errors.New("interrupted: there is no plan of a part")
	}
	p := plan{target: t, run: run, counts: s.env.Traffic().Counts(), parallel: o.Parallel}
	if s.hooks != nil {
		p.hooked = s.hooks.made
	}
	return p.write(cmd.OutOrStdout())
}

func (s *standIn) close() error {
	if s.hooks != nil {
		s.hooks.close()
	}
	s.desc.remove()
	return s.lab.Close()
}

func (s *standIn) open(ctx context.Context, t sut.Target) (*harness.Env, error) {
	own := s.desc.target()
	service := own.DPS.ServiceConnectionString
	if err := s.enroll(ctx, own, t.Enrollments); err != nil {
		return nil, err
	}
	stand := t
	stand.Control, stand.Containers, stand.CAFile, stand.Quotas = nil, nil, own.CAFile, sut.Quotas{}
	stand.DPS = own.DPS
	stand.DPS.Ports = offered(own.DPS.Ports, t.DPS.Ports)
	if t.DPS.ServiceConnectionString == "" {
		stand.DPS.ServiceConnectionString = ""
	}
	stand.Hubs = nil
	for i, h := range t.Hubs {
		hub := own.Hubs[i]
		if hub.Ports = offered(hub.Ports, h.Ports); h.ConnectionString == "" {
			hub.ConnectionString = ""
		}
		stand.Hubs = append(stand.Hubs, hub)
	}
	env, err := harness.Open(ctx, stand)
	if err != nil {
		return nil, err
	}
	env.Wire.Foreign = false // its address is this machine's: no name is resolved, no proxy used
	if env.Hooks != nil {
		if s.hooks, err = newStandInHooks(env, own, service); err != nil {
			return nil, err
		}
		env.Hooks = s.hooks
	}
	// The lab has more than the target claims. What the target claims and gives no port for
	// is all that is to be learned here.
	return env, env.Probe(ctx)
}

// offered are the stand-in's ports, as far as the target offers them.
func offered(own, of sut.Ports) sut.Ports {
	if of.HTTPS == 0 {
		own.HTTPS = 0
	}
	if of.MQTTS == 0 {
		own.MQTTS = 0
	}
	if of.AMQPS == 0 {
		own.AMQPS = 0
	}
	return own
}

// enroll makes at the stand-in what is ready-made at the target.
func (s *standIn) enroll(ctx context.Context, own sut.Target, ready []sut.Enrollment) error {
	if len(ready) == 0 {
		return nil
	}
	roots, err := own.Roots()
	if err != nil {
		return err
	}
	client, err := (&devwire.Wire{Roots: roots}).Service(own.Service(), own.DPS.ServiceConnectionString.Reveal())
	if err != nil {
		return err
	}
	defer client.Close()
	for i, e := range ready {
		record, err := recordOf(e)
		if err != nil {
			return fmt.Errorf("enrollments[%d] of the target file: %w", i, err)
		}
		put := client.PutEnrollment
		if e.GroupID != "" {
			put = client.PutGroup
		}
		if answer, err := put(ctx, record); err != nil || answer.Status != http.StatusOK {
			return fmt.Errorf("enrollments[%d] of the target file cannot be made at a lab: %v %w", i, answer, err)
		}
	}
	return nil
}

func recordOf(e sut.Enrollment) (map[string]any, error) {
	record := map[string]any{}
	if e.GroupID != "" {
		record["enrollmentGroupId"] = e.GroupID
	} else {
		record["registrationId"] = e.RegistrationID
	}
	var attestation harness.Members
	primary, secondary := e.Keys()
	switch {
	case primary != nil:
		attestation = harness.SymmetricKeys(primary, secondary)
	case e.GroupID != "":
		authority, err := e.Files().Authority()
		if err != nil {
			return nil, err
		}
		attestation = harness.SigningCertificates(authority.Certificate)
	default:
		certificate, err := e.Files().Certificate()
		if err != nil {
			return nil, err
		}
		attestation = harness.ClientCertificates(harness.Leaf(certificate))
	}
	record["attestation"] = attestation["attestation"]
	return record, nil
}

// standInHooks do at the stand-in what the target's hooks would do there.
type standInHooks struct {
	service *devwire.ServiceClient
	hubs    map[string]*devwire.HubServiceClient

	mu   sync.Mutex
	made map[harness.Kind]int
}

func newStandInHooks(env *harness.Env, own sut.Target, service sut.Secret) (*standInHooks, error) {
	wire := &devwire.Wire{Roots: env.Wire.Roots} // not metered: it is no request of the run
	h := &standInHooks{hubs: map[string]*devwire.HubServiceClient{}, made: map[harness.Kind]int{}}
	var err error
	if h.service, err = wire.Service(own.Service(), service.Reveal()); err != nil {
		return nil, err
	}
	for _, hub := range own.Hubs {
		if h.hubs[hub.Host], err = wire.HubService(own.Endpoint(hub), hub.ConnectionString.Reveal()); err != nil {
			return nil, err
		}
	}
	return h, nil
}

func (h *standInHooks) close() {
	h.service.Close()
	for _, hub := range h.hubs {
		hub.Close()
	}
}

func (h *standInHooks) count(kind harness.Kind) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.made[kind]++
}

func (h *standInHooks) CreateEnrollment(ctx context.Context, kind harness.Kind, record harness.Members) (harness.Members, error) {
	h.count(kind)
	put := h.service.PutEnrollment
	if kind == harness.OfGroup {
		put = h.service.PutGroup
	}
	return madeBy(put(ctx, record))
}

func (h *standInHooks) CreateHubIdentity(ctx context.Context, hub string, record harness.Members) (harness.Members, error) {
	h.count(harness.HubIdentity)
	id, _ := record[harness.HubIdentity.IDMember()].(string)
	return madeBy(h.hubs[hub].Do(ctx, devwire.ServiceRequest{Method: http.MethodPut, Path: harness.IdentityPath(id), Body: record}))
}

func madeBy(answer devwire.HTTPResponse, err error) (harness.Members, error) {
	switch {
	case err != nil:
		return nil, err
	case answer.Status != http.StatusOK:
		return nil, fmt.Errorf("the stand-in answered %v", answer)
	}
	return answer.JSON()
}

func (h *standInHooks) Delete(ctx context.Context, kind harness.Kind, record harness.Members) error {
	id, _ := record[kind.IDMember()].(string)
	var err error
	switch kind {
	case harness.Individual:
		_, err = h.service.DeleteEnrollment(ctx, id)
	case harness.OfGroup:
		_, err = h.service.DeleteGroup(ctx, id)
	default:
		hub, _ := record["hub"].(string)
		_, err = h.hubs[hub].Do(ctx, devwire.ServiceRequest{Method: http.MethodDelete, Path: harness.IdentityPath(id)})
	}
	return err
}
