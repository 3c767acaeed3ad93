package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/sut"
)

// targetFlags say which service a client command calls: a target file, or the variables
// that `dpslab up --env-file` wrote.
type targetFlags struct{ file string }

func (f *targetFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.file, "target", "", "target file (default: the DPSLAB_… variables of a running lab)")
}

// load returns the target and a wire to it.
func (f *targetFlags) load() (sut.Target, *devwire.Wire, error) {
	t, err := f.target()
	if err != nil {
		return t, nil, err
	}
	roots, err := t.Roots()
	if err != nil {
		return t, nil, err
	}
	return t, &devwire.Wire{Roots: roots, Clock: clock.System(), Foreign: t.Foreign}, nil
}

func (f *targetFlags) target() (sut.Target, error) {
	if f.file != "" {
		return sut.Load(f.file)
	}
	env := func(name string) string { return os.Getenv("DPSLAB_" + name) }
	if env("DPS_HOST") == "" {
		return sut.Target{}, fmt.Errorf("no service to call: give --target FILE, or load the file of `dpslab up --env-file lab.env` with: set -a; . ./lab.env")
	}
	address := env("ADDRESS")
	if address == "" {
		address = "127.0.0.1"
	}
	ports := sut.Ports{HTTPS: number(env("HTTPS_PORT")), MQTTS: number(env("MQTTS_PORT")), AMQPS: number(env("AMQPS_PORT"))}
	t := sut.Target{
		DPS: sut.DPS{
			Host: env("DPS_HOST"), ServiceHost: env("SERVICE_HOST"), IDScope: env("ID_SCOPE"), Address: address, Ports: ports,
			ServiceConnectionString: sut.Secret(env("SERVICE_CONNECTION_STRING")),
		},
		CAFile: env("CA_FILE"),
	}
	for i := 1; i <= number(env("HUB_COUNT")); i++ {
		prefix := "HUB_" + strconv.Itoa(i) + "_"
		t.Hubs = append(t.Hubs, sut.Hub{
			Host: env(prefix + "HOST"), Address: address, Ports: ports, ConnectionString: sut.Secret(env(prefix + "CONNECTION_STRING")),
		})
	}
	if url := env("CONTROL_URL"); url != "" {
		t.Control = &sut.Control{URL: url, Token: sut.Secret(env("CONTROL_TOKEN"))}
	}
	return t, nil
}

// hubEndpoint is where the hub that a device was assigned to answers. A hub that the
// target does not list is looked for where the service is.
func hubEndpoint(t sut.Target, host string) devwire.Endpoint {
	for _, h := range t.Hubs {
		if strings.EqualFold(h.Host, host) {
			return t.Endpoint(h)
		}
	}
	return t.Endpoint(sut.Hub{Host: host})
}

func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}
