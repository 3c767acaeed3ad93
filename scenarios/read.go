package scenarios

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

//go:embed *.yaml
var library embed.FS

// Library are the scenarios that come with dpslab, by name.
func Library() []Scenario {
	files, err := fs.Glob(library, "*.yaml")
	if err != nil {
		panic(err)
	}
	var list []Scenario
	for _, file := range files {
		s, err := Parse(text(file))
		if err != nil {
			panic(file + ": " + err.Error()) // a test reads them all
		}
		list = append(list, s)
	}
	return list
}

// Text is a scenario of the library as it is written.
func Text(name string) ([]byte, error) {
	for _, s := range Library() {
		if s.Name == name {
			return text(name + ".yaml"), nil
		}
	}
	return nil, fmt.Errorf("the library has no scenario %q; dpslab scenario list shows them", name)
}

func text(file string) []byte {
	b, err := library.ReadFile(file)
	if err != nil {
		panic(err)
	}
	return b
}

// Find reads a scenario of the library, or a file: what has a dot or a slash is a file.
func Find(nameOrFile string) (Scenario, error) {
	if !strings.ContainsAny(nameOrFile, "./\\") {
		b, err := Text(nameOrFile)
		if err != nil {
			return Scenario{}, err
		}
		return Parse(b)
	}
	b, err := os.ReadFile(nameOrFile)
	if err != nil {
		return Scenario{}, err
	}
	s, err := Parse(b)
	if err != nil {
		return s, fmt.Errorf("%s: %w", nameOrFile, err)
	}
	return s, nil
}

// Parse reads the text of a scenario file. Its error has a line for each mistake, with
// line and column.
func Parse(b []byte) (Scenario, error) {
	var s Scenario
	if err := yaml.UnmarshalWithOptions(b, &s, yaml.Strict()); err != nil {
		return s, errors.New(yaml.FormatError(err, false, false))
	}
	tree, err := parser.ParseBytes(b, 0)
	if err != nil {
		return s, errors.New(yaml.FormatError(err, false, false))
	}
	var problems []string
	for _, p := range s.check() {
		problems = append(problems, fmt.Sprintf("%s%s %v", position(tree, p.field), p.field, p.err))
	}
	if problems != nil {
		slices.Sort(problems)
		return s, errors.New(strings.Join(problems, "\n"))
	}
	sum := sha256.Sum256(b)
	s.digest = "sha256:" + hex.EncodeToString(sum[:])
	return s, nil
}

// position is "[line:column] " of a field, or of the mapping it is missing from.
func position(tree *ast.File, field string) string {
	for ; field != ""; field = field[:max(0, strings.LastIndexAny(field, ".["))] {
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
	return "[1:1] "
}
