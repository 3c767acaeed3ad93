package sut

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
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
	if t.CAFile != "" && !filepath.IsAbs(t.CAFile) {
		t.CAFile = filepath.Join(filepath.Dir(file), t.CAFile)
	}
	return t, nil
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
		{"ca_file", &t.CAFile, false},
	}
	for i := range t.Hubs {
		h, at := &t.Hubs[i], fmt.Sprintf("hubs[%d].", i)
		list = append(list, text{at + "host", &h.Host, false}, text{at + "address", &h.Address, false},
			text{at + "connection_string", (*string)(&h.ConnectionString), true})
	}
	if t.Control != nil {
		list = append(list, text{"control.url", &t.Control.URL, false}, text{"control.token", (*string)(&t.Control.Token), true})
	}
	return list
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
	case t.DPS.ServiceConnectionString == "" && t.Control == nil:
		return "dps.service_connection_string", errors.New("is missing: without it and without control nothing can be enrolled")
	case t.DPS.ServiceConnectionString != "" && hostOf(t.DPS.ServiceConnectionString) == "":
		return "dps.service_connection_string", errors.New("has no HostName; it looks like HostName=…;SharedAccessKeyName=…;SharedAccessKey=…")
	}
	for i, h := range t.Hubs {
		if h.Host == "" {
			return fmt.Sprintf("hubs[%d].host", i), errors.New("is missing")
		}
	}
	if c := t.Control; c != nil {
		if u, err := url.Parse(c.URL); err != nil || u.Scheme != "https" || u.Host == "" {
			return "control.url", fmt.Errorf("%q is not an https URL", c.URL)
		}
		if c.Token == "" {
			return "control.token", errors.New("is missing")
		}
	}
	return "", nil
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
