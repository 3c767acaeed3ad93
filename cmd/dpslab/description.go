package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/dpslab/dpslab/internal/handout"
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

// variables are the keys of the env file, whose names others call.
func (d *description) variables() []handout.Variable { return handout.Variables(d.lab, d.caFile) }

// target is the lab as a target file describes it.
func (d *description) target() sut.Target { return handout.Target(d.lab, d.caFile) }

// writeFiles writes what was asked for; a file appears whole, by rename.
func (d *description) writeFiles(envFile, targetFile string) error {
	if envFile != "" {
		var text strings.Builder
		for _, v := range d.variables() {
			fmt.Fprintf(&text, "%s=%s\n", v.Name, quote(v.Value))
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
	fmt.Fprintf(&b, "dpslab is up on %s: https %d, mqtts %d, amqps %d\n\n", l.Door.Addresses()[0], p.HTTPS, p.MQTTS, p.AMQPS)
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
