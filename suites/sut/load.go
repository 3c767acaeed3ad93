package sut

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/dpslab/dpslab/internal/yamlfile"
)

// Load reads a target file. Errors name the file, line and column, and never a secret.
func Load(file string) (Target, error) {
	info, err := os.Stat(file)
	if err != nil {
		return Target{}, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return Target{}, err
	}
	var t Target
	read, err := t.parse(text, info.Mode(), os.LookupEnv)
	if err != nil {
		return Target{}, fmt.Errorf("%s: %w", file, err)
	}
	t.File = file
	for _, f := range t.files() {
		if *f.path != "" && !filepath.IsAbs(*f.path) {
			*f.path = filepath.Join(filepath.Dir(file), *f.path)
		}
		if !f.secret || *f.path == "" {
			continue
		}
		if err := private(*f.path); err != nil {
			return Target{}, fmt.Errorf("%s: %w", file, read.At(f.field, err))
		}
	}
	return t, nil
}

// private refuses a file with a key that others may read.
func private(file string) error {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return err
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("names %s, which others can read; give it mode 0600", file)
	}
	return nil
}

// path is a field that names a file.
type path struct {
	field  string
	path   *string
	secret bool
}

func (t *Target) files() []path {
	list := []path{{"ca_file", &t.CAFile, false}}
	if c := t.Containers; c != nil {
		list = append(list, path{"containers.state", &c.State, false})
	}
	if ca := t.VerifiedCA; ca != nil {
		list = append(list, path{"verified_ca.certificate_file", &ca.CertificateFile, false}, path{"verified_ca.key_file", &ca.KeyFile, true})
	}
	for i := range t.Enrollments {
		e, at := &t.Enrollments[i], fmt.Sprintf("enrollments[%d].", i)
		list = append(list, path{at + "certificate_file", &e.CertificateFile, false}, path{at + "key_file", &e.KeyFile, true})
	}
	return list
}

// Parse reads the text of a target file with the given mode. lookup resolves ${NAME}.
func Parse(text []byte, mode fs.FileMode, lookup func(string) (string, bool)) (Target, error) {
	var t Target
	if _, err := t.parse(text, mode, lookup); err != nil {
		return Target{}, err
	}
	return t, nil
}

func (t *Target) parse(text []byte, mode fs.FileMode, lookup func(string) (string, bool)) (yamlfile.File, error) {
	file, err := yamlfile.Read(text, t)
	if err != nil {
		return file, err
	}
	if t.Dpslab != Version {
		return file, fmt.Errorf("begins with dpslab: %q; a target file begins with dpslab: %s", t.Dpslab, Version)
	}
	if err := file.Resolve(t.texts(), mode, lookup); err != nil {
		return file, err
	}
	t.fill()
	if field, err := t.check(); err != nil {
		return file, file.At(field, err)
	}
	return file, nil
}

// Marshal writes a target file with its secrets as they are: whoever keeps it gives it
// mode 0600.
func Marshal(t Target) ([]byte, error) {
	t.Dpslab = Version
	return yaml.Marshal(t)
}

func (t *Target) texts() []yamlfile.Text {
	list := []yamlfile.Text{
		yamlfile.Plain("dps.host", &t.DPS.Host),
		yamlfile.Plain("dps.service_host", &t.DPS.ServiceHost),
		yamlfile.Plain("dps.id_scope", &t.DPS.IDScope),
		yamlfile.Plain("dps.address", &t.DPS.Address),
		yamlfile.Secret("dps.service_connection_string", (*string)(&t.DPS.ServiceConnectionString)),
		yamlfile.Plain("prefix", &t.Prefix),
	}
	for _, f := range t.files() {
		list = append(list, yamlfile.Plain(f.field, f.path))
	}
	for i := range t.Enrollments {
		e, at := &t.Enrollments[i], fmt.Sprintf("enrollments[%d].", i)
		list = append(list, yamlfile.Plain(at+"registration_id", &e.RegistrationID), yamlfile.Plain(at+"group_id", &e.GroupID),
			yamlfile.Secret(at+"primary_key", (*string)(&e.PrimaryKey)), yamlfile.Secret(at+"secondary_key", (*string)(&e.SecondaryKey)))
	}
	for name, command := range t.Hooks.each() {
		for i := range command {
			list = append(list, yamlfile.Plain(fmt.Sprintf("hooks.%s[%d]", name, i), &command[i]))
		}
	}
	for i := range t.Hubs {
		h, at := &t.Hubs[i], fmt.Sprintf("hubs[%d].", i)
		list = append(list, yamlfile.Plain(at+"host", &h.Host), yamlfile.Plain(at+"address", &h.Address),
			yamlfile.Secret(at+"connection_string", (*string)(&h.ConnectionString)), yamlfile.Plain(at+"inside", &h.Inside))
		list = append(list, h.Control.texts(at)...)
	}
	if c := t.Containers; c != nil {
		list = append(list, yamlfile.Plain("containers.run", &c.Run), yamlfile.Plain("containers.network", &c.Network),
			yamlfile.Plain("containers.image", &c.Image))
	}
	return append(list, t.Control.texts("")...)
}

func (c *Control) texts(at string) []yamlfile.Text {
	if c == nil {
		return nil
	}
	return []yamlfile.Text{
		yamlfile.Plain(at+"control.url", &c.URL), yamlfile.Plain(at+"control.address", &c.Address), yamlfile.Secret(at+"control.token", (*string)(&c.Token)),
	}
}

// fill puts in what the format lets out.
func (t *Target) fill() {
	t.DPS.Ports.fill(standardPorts)
	if t.Prefix == "" {
		t.Prefix = DefaultPrefix
	}
	if t.Foreign {
		documented := DocumentedQuotas
		byDefault := documented.each()
		for name, quota := range t.Quotas.each() {
			if *quota == 0 {
				*quota = *byDefault[name]
			}
		}
	}
	if t.DPS.ServiceHost == "" {
		t.DPS.ServiceHost = hostOf(t.DPS.ServiceConnectionString)
	}
	for i := range t.Hubs {
		h := &t.Hubs[i]
		h.Ports.fill(t.DPS.Ports)
		if h.Host == "" {
			h.Host = hostOf(h.ConnectionString)
		}
		if h.Address == "" && !t.Foreign {
			h.Address = t.DPS.Address
		}
	}
}

func (p *Ports) fill(from Ports) {
	if *p == (Ports{}) {
		*p = from
	}
}

// check returns the port that is none.
func (p Ports) check() (string, error) {
	for name, port := range map[string]int{"https": p.HTTPS, "mqtts": p.MQTTS, "amqps": p.AMQPS} {
		if port < 0 || port > 65535 {
			return name, fmt.Errorf("is %d, which is no port", port)
		}
	}
	return "", nil
}

// hostOf is the HostName of a connection string.
func hostOf(connectionString Secret) string {
	for _, part := range strings.Split(string(connectionString), ";") {
		if name, value, _ := strings.Cut(part, "="); strings.EqualFold(name, "HostName") {
			return value
		}
	}
	return ""
}

// check returns the field that is wrong.
func (t Target) check() (string, error) {
	switch {
	case t.DPS.Host == "":
		return "dps.host", errors.New("is missing: the name that devices connect to")
	case t.DPS.IDScope == "":
		return "dps.id_scope", errors.New("is missing")
	case t.DPS.Address == "" && !t.Foreign:
		return "dps.address", errors.New("is missing: the IP address to dial, since no name is resolved unless the file says foreign: true")
	case !t.ServiceAPI() && len(t.Hooks.CreateEnrollment) == 0 && len(t.Enrollments) == 0:
		return "dps.service_connection_string", errors.New("is missing: without it, and without control, hooks or enrollments, no device can be enrolled")
	case t.ServiceAPI() && len(t.Hooks.CreateEnrollment) > 0:
		return "hooks.create_enrollment", errors.New("has no use: devices are enrolled by the service API")
	case t.ServiceAPI() && len(t.Enrollments) > 0:
		return "enrollments", errors.New("have no use: devices are enrolled by the service API")
	case len(t.Hooks.CreateEnrollment) > 0 && len(t.Enrollments) > 0:
		return "enrollments", errors.New("have no use: devices are enrolled by hooks.create_enrollment")
	case t.DPS.ServiceConnectionString != "" && hostOf(t.DPS.ServiceConnectionString) == "":
		return "dps.service_connection_string", errors.New("has no HostName; it looks like HostName=…;SharedAccessKeyName=…;SharedAccessKey=…")
	}
	for i, h := range t.Hubs {
		if h.Host == "" {
			return fmt.Sprintf("hubs[%d].host", i), errors.New("is missing")
		}
		if field, err := h.Ports.check(); err != nil {
			return fmt.Sprintf("hubs[%d].ports.%s", i, field), err
		}
		if field, err := h.checkLab(t); err != nil {
			return fmt.Sprintf("hubs[%d].%s", i, field), err
		}
	}
	if field, err := t.DPS.Ports.check(); err != nil {
		return "dps.ports." + field, err
	}
	if field, err := t.checkForeign(); err != nil {
		return field, err
	}
	if field, err := t.Control.check(); err != nil {
		return "control." + field, err
	}
	return t.checkContainers()
}
