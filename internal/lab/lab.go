// Package lab puts a whole lab together in one process: the reference DPS, fake hubs and
// the control port behind one front door.
//
//	state ──► names, keys, authority ──► certificates
//	                                        │
//	front door ◄── reference service ◄──────┤
//	     ▲────────── fake hubs ◄────────────┘
//	control port ──► both
//
// The reference reaches the hubs over the wire, by their addresses at the front door.
package lab

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dpslab/dpslab/fakehub"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/controlserver"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/durable"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/transcript"
	"github.com/dpslab/dpslab/reference"
	"github.com/dpslab/dpslab/reference/allocation"
	"github.com/dpslab/dpslab/reference/postgres"
	"github.com/dpslab/dpslab/reference/quota"
	"github.com/dpslab/dpslab/reference/serviceapi"
)

// Options make a Lab.
type Options struct {
	State     string // state folder; empty: nothing is kept
	Data      string // folder of what service and hubs are told; empty: it is kept in memory
	Database  string // PostgreSQL URL of what the service is told, in place of Data; a secret
	Listen    string // IP address that all hosts share; default 127.0.0.1
	Ports     frontdoor.Ports
	AutoPorts bool   // pick free ports; Ports is not looked at
	Control   string // address of the control port; default: the listen address, a free port
	Token     string // control token; default: random

	Reference bool  // play the provisioning service, and make one
	Plain     bool  // leave out what the real service does not have: the naive REST extension
	Fakehub   bool  // play hubs
	Hubs      int   // make the first so many hubs of the state, linked to the service
	HubSpecs  []Hub // what is said of them, first to last
	OnlyHub   int   // make the hub of the state that has this number, and no other; 0: as Hubs says

	Name       string // of the service; default: the state's
	IDScope    string // default: the state's
	HubDomain  string // default: azure-devices.net
	ServerKey  KeyKind
	RetryAfter time.Duration       // what assigning answers ask for
	Limits     quota.Limits        // what the service holds its clients to; default: none
	Linked     []LinkedHub         // hubs of other processes, linked to the service
	Policy     dps.Policy          // default: hashed
	Latencies  allocation.Table    // for geoLatency, by network and name or host name of a hub
	Policies   []serviceapi.Policy // beside provisioningserviceowner

	// TranscriptBytes bounds what is recorded of connections; 0: 64 MiB; negative: nothing.
	TranscriptBytes int
	Version         string
	Logger          *slog.Logger
}

// KeyKind is what server certificates are made with.
type KeyKind string

const (
	RSA  KeyKind = "rsa" // RSA 2048, as the service has; the default
	P256 KeyKind = "p256"
)

const (
	transcriptBytes = 64 << 20
	stopTimeout     = 10 * time.Second
	controlTimeout  = time.Second
)

// Lab is a running lab.
type Lab struct {
	State     *State
	Door      *frontdoor.Door
	Reference *reference.Server
	Hubs      *fakehub.Server
	Service   *reference.Service // nil without a reference
	control   *controlserver.Server
	token     string
	playsHubs bool
	data      []*durable.File
	database  *postgres.DB // nil without one
}

// Start brings a lab up. When it returns without an error, everything listens.
func Start(o Options) (*Lab, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	state, err := openState(o.State, o.ServerKey, o.vouched(), clock.System().Now())
	if err != nil {
		return nil, err
	}
	door, err := frontdoor.Listen(frontdoor.Options{
		Addresses: []string{o.Listen}, HTTPSPort: o.Ports.HTTPS, MQTTSPort: o.Ports.MQTTS, AMQPSPort: o.Ports.AMQPS, Logger: o.Logger,
	})
	if err != nil {
		return nil, withPortFlag(err, o.Ports)
	}
	l := &Lab{State: state, Door: door, token: o.Token, playsHubs: o.Fakehub}
	if err := l.fill(o); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (o Options) withDefaults() Options {
	if o.Listen == "" {
		o.Listen = "127.0.0.1"
	}
	if o.AutoPorts {
		o.Ports = frontdoor.Ports{}
	}
	if o.Control == "" {
		o.Control = net.JoinHostPort(o.Listen, "0")
	}
	if o.HubDomain == "" {
		o.HubDomain = "azure-devices.net"
	}
	if o.ServerKey == "" {
		o.ServerKey = RSA
	}
	if o.TranscriptBytes == 0 {
		o.TranscriptBytes = transcriptBytes
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Token == "" {
		token := make([]byte, 32)
		rand.Read(token) // never fails
		o.Token = hex.EncodeToString(token)
	}
	return o
}

// fill puts hubs, service and control behind the door.
func (l *Lab) fill(o Options) error {
	log := transcript.NewLog(transcript.Server, clock.System(), max(o.TranscriptBytes, 0))
	if o.TranscriptBytes < 0 {
		log = nil
	}
	certificate := l.State.issuer(ips(o.Listen), clock.System().Now())
	l.Hubs = fakehub.New(fakehub.Options{
		Door: l.Door, Certificate: certificate, Log: log, Logger: o.Logger, Domain: o.HubDomain,
	})
	linked := []reference.LinkedHub{}
	for _, h := range o.Linked {
		linked = append(linked, reference.LinkedHub{ConnectionString: l.State.connectionString(h, o.HubDomain), Address: h.Address})
	}
	for _, n := range o.hubs() {
		spec := o.hub(n)
		if spec.Name == "" {
			spec.Name = l.State.hubName(n)
		}
		data, err := l.openData(o.Data, fmt.Sprintf("hub-%d.db", n), durable.Identity{Format: hubFormat, Owner: spec.Name})
		if err != nil {
			return err
		}
		hub, err := l.Hubs.AddHub(fakehub.HubSpec{Name: spec.Name, Key: l.State.hubKey(n), Data: data})
		if err != nil {
			return err
		}
		linked = append(linked, reference.LinkedHub{ConnectionString: hub.ConnectionString(), Weight: spec.Weight, Excluded: spec.Excluded})
	}
	l.Reference = reference.New(reference.Options{
		Door: l.Door, Certificate: certificate, HubRoots: l.State.Roots(), HubAddress: l.hubAddress, Log: log, Logger: o.Logger,
	})
	if o.Reference {
		scope := o.IDScope
		if scope == "" {
			scope = l.State.kept.IDScope
		}
		name := o.Name
		if name == "" {
			name = l.State.serviceName()
		}
		data, err := l.openServiceData(o, name)
		if err != nil {
			return err
		}
		service, err := l.Reference.AddService(reference.ServiceSpec{
			Name: name, Scope: scope, Global: true, Key: l.State.kept.ServiceKey, Policies: o.Policies,
			Policy: o.Policy, Latencies: o.latencies(), RetryAfter: o.RetryAfter, Limits: o.Limits, NaiveREST: !o.Plain,
			Hubs: linked, Data: data, Database: l.database,
		})
		if err != nil {
			return err
		}
		l.Service = service
	}
	return l.openControl(o, log)
}

func (l *Lab) openControl(o Options, log *transcript.Log) error {
	host, _, err := net.SplitHostPort(o.Control)
	if err != nil {
		return fmt.Errorf("control address %q is not host:port: %w", o.Control, err)
	}
	certificate, err := l.State.issuer(ips(host), clock.System().Now())("localhost")
	if err != nil {
		return err
	}
	roles, catalogue := []string{}, []controlserver.Entry{}
	if o.Reference {
		roles, catalogue = append(roles, "reference"), append(catalogue, controlserver.Entries("reference", reference.Defects)...)
	}
	if o.Fakehub {
		roles, catalogue = append(roles, "fakehub"), append(catalogue, controlserver.Entries("fakehub", fakehub.Defects)...)
	}
	p := l.Door.Ports()
	l.control, err = controlserver.Listen(controlserver.Options{
		Address: o.Control, Certificate: certificate, Token: o.Token, Log: log, Catalogue: catalogue, Logger: o.Logger,
		Info: func() any {
			return controlserver.Info{
				Version: o.Version, Roles: roles, Addresses: l.Door.Addresses(),
				Ports:         controlserver.Ports{HTTPS: p.HTTPS, MQTTS: p.MQTTS, AMQPS: p.AMQPS},
				CACertificate: string(l.State.CA()),
			}
		},
	})
	if err != nil {
		return fmt.Errorf("%w; give another address with --control-listen", err)
	}
	if o.Reference {
		l.Reference.Mount(l.control)
	}
	if o.Fakehub {
		l.Hubs.Mount(l.control)
	}
	return nil
}

// hubAddress dials hubs of this process where they are. Others are dialled by their names
// where this process plays none, and so was given them by name; a lab that has its hubs
// never asks the world for one.
func (l *Lab) hubAddress(host string) string {
	for _, h := range l.Hubs.Hubs() {
		if strings.EqualFold(h.Host(), host) {
			return net.JoinHostPort(h.Address(), strconv.Itoa(l.Door.Ports().HTTPS))
		}
	}
	if l.playsHubs {
		return ""
	}
	return net.JoinHostPort(host, "443")
}

// ControlURL is where the control port answers, and Token what it asks for.
func (l *Lab) ControlURL() string { return l.control.URL() }
func (l *Lab) Token() string      { return l.token }

// Hosts are all names that clients call.
func (l *Lab) Hosts() []string {
	var names []string
	if l.Service != nil {
		names = append(names, l.Service.DeviceHost(), l.Service.ServiceHost())
	}
	for _, h := range l.Hubs.Hubs() {
		names = append(names, h.Host())
	}
	return slices.Compact(names)
}

// Close ends the lab and waits for it.
func (l *Lab) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	var errs []error
	if l.control != nil {
		errs = append(errs, l.closeControl(ctx))
	}
	if l.Reference != nil {
		errs = append(errs, l.Reference.Close(ctx))
	}
	if l.Hubs != nil {
		errs = append(errs, l.Hubs.Close(ctx))
	}
	return errors.Join(append(errs, l.Door.Close(ctx), l.closeData())...)
}

// closeControl cuts what has not ended after a moment: a connection that a client opened
// and has not used yet would be waited for.
func (l *Lab) closeControl(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, controlTimeout)
	defer cancel()
	if err := l.control.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}
