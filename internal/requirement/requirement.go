// Package requirement is the catalogue of what dpslab demands: one clause, one id.
//
// The catalogue is data (catalogue.yaml). The id stands at three places: at the line of
// the reference that keeps the clause, at the check that verifies it, and in the report;
// grep finds all of them. An id is never reused: a clause that turns out wrong is removed
// and its number stays free.
package requirement

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
)

// Version of the catalogue. It changes with every clause that is added, removed or means
// something else than before; rewording does not change it.
const Version = "1.1.0"

// Requirement is one clause.
type Requirement struct {
	ID        string `yaml:"id"`        // DPS-MQTT-014: DPS, family, number
	Level     string `yaml:"level"`     // must, should or may
	Statement string `yaml:"statement"` // one sentence with the service or the hub as its subject
	// Source is where the clause is written down: a section of docs/protocol, then the SDK
	// or the document that shows it.
	Source string `yaml:"source"`
	// Evidence is sdk (an official SDK breaks without it), doc (documented), capture (seen
	// in a recorded exchange) or inferred (deduced; never a failure on a foreign target).
	Evidence    string   `yaml:"evidence"`
	Transports  []string `yaml:"transports,omitempty"`  // of the device; empty for the service API and the hub's
	APIVersions []string `yaml:"apiVersions,omitempty"` // empty for all
	Needs       []string `yaml:"needs,omitempty"`       // what a target must offer beside its service API: control, hub
}

// Words of the catalogue.
const (
	Must, Should, May = "must", "should", "may"
	Inferred          = "inferred"
)

// Families of the catalogue, in its order, and what they are about.
var Families = []struct{ Name, About string }{
	{"HTTPS", "the device API over HTTPS"},
	{"MQTT", "the device API over MQTT 3.1.1"},
	{"WS", "MQTT over WebSocket"},
	{"AMQP", "the device API over AMQP 1.0"},
	{"SAS", "shared access signatures of devices and service clients"},
	{"X509", "devices that prove themselves by certificate"},
	{"TPM", "devices that prove themselves by a TPM"},
	{"SVC", "the service API: enrollments, groups, registrations"},
	{"ETAG", "concurrency by ETag"},
	{"QRY", "queries and their pages"},
	{"BULK", "bulk operations on enrollments and groups"},
	{"ALLOC", "which enrollment applies and which hub is assigned"},
	{"REPROV", "devices that register again: who moves, and what moves along"},
	{"LIMIT", "limits on registrations, polls and operations"},
	{"ERR", "errors, and operations over their life"},
	{"SEC", "secrets, ids that nobody guesses, and TLS"},
	{"HUB", "the hub towards devices and service clients"},
}

//go:embed catalogue.yaml
var catalogue []byte

var load = sync.OnceValues(func() ([]Requirement, error) { return Parse(catalogue) })

// All returns every requirement in the catalogue's order.
func All() []Requirement { return slices.Clone(must()) }

// Find returns the requirement with that id.
func Find(id string) (Requirement, bool) {
	for _, r := range must() {
		if r.ID == id {
			return r, true
		}
	}
	return Requirement{}, false
}

// Digest is "sha256:" and the hex digest of the catalogue file.
func Digest() string {
	sum := sha256.Sum256(catalogue)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// must returns the embedded catalogue. A test parses it, so a broken one never ships.
func must() []Requirement {
	list, err := load()
	if err != nil {
		panic("catalogue.yaml: " + err.Error())
	}
	return list
}

// Family is the middle word of the id: MQTT of DPS-MQTT-014.
func (r Requirement) Family() string {
	parts := strings.Split(r.ID, "-")
	if len(parts) != 3 {
		return ""
	}
	return parts[1]
}

// Parse reads a catalogue and refuses what breaks its rules, naming the clause.
func Parse(text []byte) ([]Requirement, error) {
	var file struct {
		Dpslab       string        `yaml:"dpslab"`
		Requirements []Requirement `yaml:"requirements"`
	}
	if err := yaml.UnmarshalWithOptions(text, &file, yaml.Strict()); err != nil {
		return nil, err
	}
	if file.Dpslab != "requirements/v1" {
		return nil, fmt.Errorf("begins with dpslab: %q, not requirements/v1", file.Dpslab)
	}
	if err := check(file.Requirements); err != nil {
		return nil, err
	}
	return file.Requirements, nil
}

var (
	idShape     = regexp.MustCompile(`^DPS-[A-Z0-9]+-[0-9]{3}$`)
	sourceShape = regexp.MustCompile(`^docs/protocol/(device-api|service-api|iot-hub|event-hubs)\.md [0-9].*; \S`)

	levels     = []string{Must, Should, May}
	evidences  = []string{"sdk", "doc", "capture", Inferred}
	transports = []string{"https", "mqtt", "mqtt-ws", "amqp", "amqp-ws"}
	needs      = []string{"control", "hub"}
)

// check applies the rules that every clause keeps: a well-formed id, ids in the order of
// families and numbers, known words, a source that names a section and a witness.
func check(list []Requirement) error {
	at, number := 0, ""
	for _, r := range list {
		family := slices.IndexFunc(Families, func(f struct{ Name, About string }) bool { return f.Name == r.Family() })
		switch {
		case !idShape.MatchString(r.ID):
			return fmt.Errorf("%q is not an id such as DPS-MQTT-014", r.ID)
		case family < 0:
			return fmt.Errorf("%s: there is no family %s", r.ID, r.Family())
		case family < at || family == at && r.ID <= number:
			return fmt.Errorf("%s stands after %s: ids go up within the order of families", r.ID, number)
		}
		if err := r.check(); err != nil {
			return fmt.Errorf("%s: %w", r.ID, err)
		}
		at, number = family, r.ID
	}
	return nil
}

// ownShape is the shape of an id that is not of the catalogue, and reserved the first words
// that it may not have: those of catalogues of ours.
var (
	ownShape = regexp.MustCompile(`^[A-Z]{2,16}-[A-Z0-9]{1,16}-[0-9]{3}$`)
	reserved = []string{"DPS", "HUB", "DEV"}
)

// CheckOwn judges a clause that somebody adds to the catalogue's for checks of their own:
// as one of the catalogue, but for an id of another shape and any source.
func (r Requirement) CheckOwn() error {
	first, _, _ := strings.Cut(r.ID, "-")
	switch {
	case !ownShape.MatchString(r.ID):
		return fmt.Errorf("%q is not an id such as ACME-BOOT-001", r.ID)
	case slices.Contains(reserved, first):
		return fmt.Errorf("%s: ids that begin with %s- are the catalogue's own; begin yours with another word", r.ID, first)
	case strings.TrimSpace(r.Source) == "":
		return fmt.Errorf("%s: the source is missing: where is it written down?", r.ID)
	}
	if err := r.words(); err != nil {
		return fmt.Errorf("%s: %w", r.ID, err)
	}
	return nil
}

func (r Requirement) check() error {
	if !sourceShape.MatchString(r.Source) {
		return fmt.Errorf("source %q does not name a section of docs/protocol and its witness, as in %q", r.Source, "docs/protocol/device-api.md 2.4; azure-docs issue 69882")
	}
	return r.words()
}

// words are what every clause is made of.
func (r Requirement) words() error {
	switch {
	case !slices.Contains(levels, r.Level):
		return fmt.Errorf("level %q is none of %s", r.Level, strings.Join(levels, ", "))
	case !slices.Contains(evidences, r.Evidence):
		return fmt.Errorf("evidence %q is none of %s", r.Evidence, strings.Join(evidences, ", "))
	case !strings.HasSuffix(r.Statement, ".") || strings.Contains(r.Statement, ". "):
		return errors.New("the statement is not one sentence")
	}
	for what, words := range map[string][2][]string{"transport": {r.Transports, transports}, "need": {r.Needs, needs}} {
		seen := map[string]bool{}
		for _, word := range words[0] {
			if !slices.Contains(words[1], word) || seen[word] {
				return fmt.Errorf("%s %q is unknown or stands there twice", what, word)
			}
			seen[word] = true
		}
	}
	return nil
}
