package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/dpslab/dpslab/internal/lab"
	"github.com/dpslab/dpslab/suites/sut"
)

// description is what others need to know of a running lab, in each form that is asked for.
type description struct {
	lab    *lab.Lab
	caFile string
	temp   string // folder to remove, when the lab has no state folder
}

func describe(l *lab.Lab, state string) (*description, error) {
	d := &description{lab: l}
	if state != "" {
		path, err := filepath.Abs(filepath.Join(state, "ca.pem"))
		d.caFile = path
		return d, err
	}
	temp, err := os.MkdirTemp("", "dpslab-")
	if err != nil {
		return nil, err
	}
	d.temp, d.caFile = temp, filepath.Join(temp, "ca.pem")
	return d, os.WriteFile(d.caFile, l.State.CA(), 0o644)
}

func (d *description) remove() {
	if d.temp != "" {
		os.RemoveAll(d.temp)
	}
}

type variable struct{ name, value string }

// variables are the keys of the env file, whose names others call.
func (d *description) variables() []variable {
	l, p := d.lab, d.lab.Door.Ports()
	vars := []variable{}
	if s := l.Service; s != nil {
		vars = append(vars,
			variable{"DPSLAB_DPS_HOST", s.DeviceHost()}, variable{"DPSLAB_SERVICE_HOST", s.ServiceHost()},
			variable{"DPSLAB_ID_SCOPE", s.Scope()}, variable{"DPSLAB_SERVICE_CONNECTION_STRING", s.ConnectionString()})
	}
	vars = append(vars, variable{"DPSLAB_CA_FILE", d.caFile},
		variable{"DPSLAB_HTTPS_PORT", strconv.Itoa(p.HTTPS)}, variable{"DPSLAB_MQTTS_PORT", strconv.Itoa(p.MQTTS)},
		variable{"DPSLAB_AMQPS_PORT", strconv.Itoa(p.AMQPS)})
	hubs := l.Hubs.Hubs()
	vars = append(vars, variable{"DPSLAB_HUB_COUNT", strconv.Itoa(len(hubs))})
	for i, h := range hubs {
		prefix := "DPSLAB_HUB_" + strconv.Itoa(i+1)
		vars = append(vars, variable{prefix + "_HOST", h.Host()}, variable{prefix + "_CONNECTION_STRING", h.ConnectionString()})
	}
	return append(vars, variable{"DPSLAB_CONTROL_URL", l.ControlURL()}, variable{"DPSLAB_CONTROL_TOKEN", l.Token()},
		variable{"DPSLAB_HOSTS", strings.Join(l.Hosts(), " ")}, variable{"DPSLAB_ADDRESS", dialled(l.Door.Addresses()[0])})
}

// dialled is what clients of this machine dial: a lab that listens everywhere is on loopback too.
func dialled(address string) string {
	switch address {
	case "0.0.0.0":
		return "127.0.0.1"
	case "::":
		return "::1"
	}
	return address
}

// target is the lab as a target file describes it.
func (d *description) target() sut.Target {
	l, p := d.lab, d.lab.Door.Ports()
	ports := sut.Ports{HTTPS: p.HTTPS, MQTTS: p.MQTTS, AMQPS: p.AMQPS}
	t := sut.Target{CAFile: d.caFile, Control: &sut.Control{URL: l.ControlURL(), Token: sut.Secret(l.Token())}}
	if s := l.Service; s != nil {
		t.DPS = sut.DPS{
			Host: s.DeviceHost(), ServiceHost: s.ServiceHost(), IDScope: s.Scope(), Address: dialled(s.Address()), Ports: ports,
			ServiceConnectionString: sut.Secret(s.ConnectionString()),
		}
	}
	for _, h := range l.Hubs.Hubs() {
		t.Hubs = append(t.Hubs, sut.Hub{Host: h.Host(), Address: dialled(h.Address()), Ports: ports, ConnectionString: sut.Secret(h.ConnectionString())})
	}
	return t
}

// writeFiles writes what was asked for; a file appears whole, by rename.
func (d *description) writeFiles(envFile, targetFile string) error {
	if envFile != "" {
		var text strings.Builder
		for _, v := range d.variables() {
			fmt.Fprintf(&text, "%s=%s\n", v.name, quote(v.value))
		}
		if err := lab.WriteFile(envFile, []byte(text.String()), 0o600); err != nil {
			return fmt.Errorf("env file: %w", err)
		}
	}
	if targetFile != "" {
		text, err := sut.Marshal(d.target())
		if err != nil {
			return err
		}
		if err := lab.WriteFile(targetFile, text, 0o600); err != nil {
			return fmt.Errorf("target file: %w", err)
		}
	}
	return nil
}

// quote writes a value so that a shell reads it back as it is.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// greeting is what a person reads when the lab is up. It shows no key.
func (d *description) greeting() string {
	var b strings.Builder
	l, p := d.lab, d.lab.Door.Ports()
	fmt.Fprintf(&b, "dpslab is up on %s: https %d, mqtts %d\n\n", l.Door.Addresses()[0], p.HTTPS, p.MQTTS)
	if s := l.Service; s != nil {
		fmt.Fprintf(&b, "  id scope       %s\n  devices call   %s\n  operators call %s\n", s.Scope(), s.DeviceHost(), s.ServiceHost())
	}
	for _, h := range l.Hubs.Hubs() {
		fmt.Fprintf(&b, "  hub            %s\n", h.Host())
	}
	fmt.Fprintf(&b, "  authority      %s\n  control        %s\n\n", d.caFile, l.ControlURL())
	b.WriteString("Connection strings: --env-file FILE. Stop with Ctrl-C.\n")
	return b.String()
}
