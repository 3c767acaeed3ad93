package sut

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
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
	t, err := Parse(text, info.Mode(), os.LookupEnv)
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
			tree, _ := parser.ParseBytes(text, 0)
			return Target{}, fmt.Errorf("%s: %s%s %w", file, position(tree, f.field), f.field, err)
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
	if err := yaml.UnmarshalWithOptions(text, &t, yaml.Strict()); err != nil {
		// The long form of the error quotes the lines around it, keys and all.
		return Target{}, errors.New(yaml.FormatError(err, false, false))
	}
	if t.Dpslab != Version {
		return Target{}, fmt.Errorf("begins with dpslab: %q; a target file begins with dpslab: %s", t.Dpslab, Version)
	}
	tree, err := parser.ParseBytes(text, 0)
	if err != nil {
		return Target{}, errors.New(yaml.FormatError(err, false, false))
	}
	private := mode.Perm()&0o077 == 0
	for _, f := range t.texts() {
		if err := f.resolve(private, lookup); err != nil {
			return Target{}, fmt.Errorf("%s%s %w", position(tree, f.path), f.path, err)
		}
	}
	t.fill()
	if field, err := t.check(); err != nil {
		return Target{}, fmt.Errorf("%s%s %w", position(tree, field), field, err)
	}
	return t, nil
}

// Marshal writes a target file with its secrets as they are: whoever keeps it gives it
// mode 0600.
func Marshal(t Target) ([]byte, error) {
	t.Dpslab = Version
	return yaml.Marshal(t)
}

// text is a field that may hold ${NAME} references.
type text struct {
	path   string // as in dps.host
	value  *string
	secret bool
}

func (t *Target) texts() []text {
	list := []text{
		{"dps.host", &t.DPS.Host, false},
		{"dps.service_host", &t.DPS.ServiceHost, false},
		{"dps.id_scope", &t.DPS.IDScope, false},
		{"dps.address", &t.DPS.Address, false},
		{"dps.service_connection_string", (*string)(&t.DPS.ServiceConnectionString), true},
		{"prefix", &t.Prefix, false},
	}
	for _, f := range t.files() {
		list = append(list, text{f.field, f.path, false})
	}
	for i := range t.Enrollments {
		e, at := &t.Enrollments[i], fmt.Sprintf("enrollments[%d].", i)
		list = append(list, text{at + "registration_id", &e.RegistrationID, false}, text{at + "group_id", &e.GroupID, false},
			text{at + "primary_key", (*string)(&e.PrimaryKey), true}, text{at + "secondary_key", (*string)(&e.SecondaryKey), true})
	}
	for name, command := range t.Hooks.each() {
		for i := range command {
			list = append(list, text{fmt.Sprintf("hooks.%s[%d]", name, i), &command[i], false})
		}
	}
	for i := range t.Hubs {
		h, at := &t.Hubs[i], fmt.Sprintf("hubs[%d].", i)
		list = append(list, text{at + "host", &h.Host, false}, text{at + "address", &h.Address, false},
			text{at + "connection_string", (*string)(&h.ConnectionString), true}, text{at + "inside", &h.Inside, false})
		list = append(list, h.Control.texts(at)...)
	}
	if c := t.Containers; c != nil {
		list = append(list, text{"containers.run", &c.Run, false}, text{"containers.network", &c.Network, false},
			text{"containers.image", &c.Image, false})
	}
	return append(list, t.Control.texts("")...)
}

func (c *Control) texts(at string) []text {
	if c == nil {
		return nil
	}
	return []text{
		{at + "control.url", &c.URL, false}, {at + "control.address", &c.Address, false}, {at + "control.token", (*string)(&c.Token), true},
	}
}

var reference = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// resolve replaces the references, and refuses a literal secret in a file that others may
// read. Of a connection string only the key is secret.
func (f text) resolve(private bool, lookup func(string) (string, bool)) error {
	if *f.value == "" {
		return nil
	}
	if f.secret && !private {
		secret := *f.value
		if _, key, ok := strings.Cut(secret, "SharedAccessKey="); ok {
			secret = key
		}
		if !reference.MatchString(secret) {
			return errors.New("holds a literal secret; write a ${NAME} of the environment, or give the file mode 0600")
		}
	}
	var unset []string
	*f.value = reference.ReplaceAllStringFunc(*f.value, func(ref string) string {
		value, ok := lookup(ref[2 : len(ref)-1])
		if !ok || value == "" {
			unset = append(unset, ref)
		}
		return value
	})
	if len(unset) > 0 {
		return fmt.Errorf("refers to %s, which is not set", strings.Join(unset, ", "))
	}
	return nil
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

// position is "[line:column] " of a field, or of the mapping it is missing from.
func position(tree *ast.File, field string) string {
	for ; field != ""; field = field[:max(0, strings.LastIndex(field, "."))] {
		path, err := yaml.PathString("$." + field)
		if err != nil {
			return ""
		}
		node, err := path.FilterFile(tree)
		if err != nil || node == nil {
			continue
		}
		at := node.GetToken().Position
		return fmt.Sprintf("[%d:%d] ", at.Line, at.Column)
	}
	return ""
}
