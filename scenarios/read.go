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

	"github.com/dpslab/dpslab/internal/yamlfile"
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
	file, err := yamlfile.Read(b, &s)
	if err != nil {
		return s, err
	}
	var problems []string
	for _, p := range s.check() {
		problems = append(problems, file.At(p.field, p.err).Error())
	}
	if problems != nil {
		slices.Sort(problems)
		return s, errors.New(strings.Join(problems, "\n"))
	}
	sum := sha256.Sum256(b)
	s.digest = "sha256:" + hex.EncodeToString(sum[:])
	return s, nil
}
