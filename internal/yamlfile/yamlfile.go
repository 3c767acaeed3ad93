// Package yamlfile reads the files that people write: strictly, with line and column in
// each error, and with secrets as references to the environment. No error quotes a file,
// which may hold keys.
package yamlfile

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// File is a text that was read.
type File struct{ tree *ast.File }

// Read decodes a text into to, and refuses fields that to has not.
func Read(text []byte, to any) (File, error) {
	if err := yaml.UnmarshalWithOptions(text, to, yaml.Strict()); err != nil {
		// The long form of the error quotes the lines around it, keys and all.
		return File{}, errors.New(yaml.FormatError(err, false, false))
	}
	tree, err := parser.ParseBytes(text, 0)
	if err != nil {
		return File{}, errors.New(yaml.FormatError(err, false, false))
	}
	return File{tree}, nil
}

// At is err with "[line:column] " and the name of the field that it is about, as in
// hubs[0].name. A field that is missing is where the mapping or the list around it is.
func (f File) At(field string, err error) error {
	return fmt.Errorf("%s%s %w", f.position(field), field, err)
}

func (f File) position(field string) string {
	for ; field != ""; field = field[:max(0, strings.LastIndexAny(field, ".["))] {
		path, err := yaml.PathString("$." + field)
		if err != nil {
			continue
		}
		node, err := path.FilterFile(f.tree)
		if err != nil || node == nil {
			continue
		}
		at := node.GetToken().Position
		return fmt.Sprintf("[%d:%d] ", at.Line, at.Column)
	}
	return "[1:1] "
}

// Text is a field that may hold ${NAME} references.
type Text struct {
	field  string // as At takes it
	value  *string
	secret bool
}

// Plain is a text that everybody may read.
func Plain(field string, value *string) Text { return Text{field, value, false} }

// Secret is a text that holds a key: a literal one is for private files.
func Secret(field string, value *string) Text { return Text{field, value, true} }

// Resolve replaces the references by what lookup says. It refuses a literal secret in a
// file whose mode lets others read it.
func (f File) Resolve(texts []Text, mode fs.FileMode, lookup func(string) (string, bool)) error {
	private := mode.Perm()&0o077 == 0
	for _, t := range texts {
		if err := t.resolve(private, lookup); err != nil {
			return f.At(t.field, err)
		}
	}
	return nil
}

var reference = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// resolve takes only the key of a connection string for a secret.
func (t Text) resolve(private bool, lookup func(string) (string, bool)) error {
	if *t.value == "" {
		return nil
	}
	if t.secret && !private {
		secret := *t.value
		if _, key, ok := strings.Cut(secret, "SharedAccessKey="); ok {
			secret = key
		}
		if !reference.MatchString(secret) {
			return errors.New("holds a literal secret; write a ${NAME} of the environment, or give the file mode 0600")
		}
	}
	var unset []string
	*t.value = reference.ReplaceAllStringFunc(*t.value, func(ref string) string {
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
