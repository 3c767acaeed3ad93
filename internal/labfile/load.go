package labfile

import (
	"fmt"
	"io/fs"
	"os"

	"github.com/dpslab/dpslab/internal/yamlfile"
)

// Load reads a lab file. Errors name the file, line and column, and never a secret.
func Load(file string) (Lab, error) {
	info, err := os.Stat(file)
	if err != nil {
		return Lab{}, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return Lab{}, err
	}
	l, err := Parse(text, info.Mode(), os.LookupEnv)
	if err != nil {
		return Lab{}, fmt.Errorf("%s: %w", file, err)
	}
	return l, nil
}

// Parse reads the text of a lab file with the given mode. lookup resolves ${NAME}.
func Parse(text []byte, mode fs.FileMode, lookup func(string) (string, bool)) (Lab, error) {
	var f struct {
		Dpslab string `yaml:"dpslab"`
		Lab    `yaml:",inline"`
	}
	file, err := yamlfile.Read(text, &f)
	if err != nil {
		return Lab{}, err
	}
	if f.Dpslab != Version {
		return Lab{}, file.At("dpslab", fmt.Errorf("is %q; a lab file begins with dpslab: %s", f.Dpslab, Version))
	}
	if err := file.Resolve(f.Lab.Texts(""), mode, lookup); err != nil {
		return Lab{}, err
	}
	if field, err := f.Lab.Check(); err != nil {
		return Lab{}, file.At(field, err)
	}
	return f.Lab, nil
}

// Texts are the fields that may hold references, each with at before its path.
func (l *Lab) Texts(at string) []yamlfile.Text {
	s := &l.Service
	list := []yamlfile.Text{yamlfile.Plain(at+"service.name", &s.Name), yamlfile.Plain(at+"service.id_scope", &s.IDScope)}
	for i := range s.Policies {
		p, at := &s.Policies[i], fmt.Sprintf("%sservice.policies[%d].", at, i)
		list = append(list, yamlfile.Plain(at+"name", &p.Name), yamlfile.Secret(at+"primary_key", &p.PrimaryKey), yamlfile.Secret(at+"secondary_key", &p.SecondaryKey))
	}
	for i := range l.Hubs {
		list = append(list, yamlfile.Plain(fmt.Sprintf("%shubs[%d].name", at, i), &l.Hubs[i].Name))
	}
	return list
}
