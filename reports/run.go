package reports

import (
	"slices"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/transcript"
)

// Schema is the version of the result file that this package writes and reads.
const Schema = "dpslab/run/v1"

// Run is one conformance run against one target.
type Run struct {
	Schema     string        `json:"schema"`
	Tool       Tool          `json:"tool"`
	Target     Target        `json:"target"`
	Selection  Selection     `json:"selection"`
	Started    time.Time     `json:"started"`
	Duration   time.Duration `json:"durationNanoseconds"`
	Catalogue  Catalogue     `json:"catalogue"`
	Counts     Counts        `json:"counts"`
	NotCovered []string      `json:"notCovered"` // requirements without a check, in catalogue order
	Results    []Result      `json:"results"`
	Claims     []Claim       `json:"claims,omitempty"` // what the target says of itself, and what was seen
	Stale      []Known       `json:"stale,omitempty"`  // failures that were expected and did not come
}

// Tool is the program that made the run, and where it ran.
type Tool struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

// Target says what was tested. It holds no secret.
type Target struct {
	Source      string   `json:"source"` // the target file, or what stands for it: embedded, containers
	Host        string   `json:"host"`
	ServiceHost string   `json:"serviceHost,omitempty"`
	IDScope     string   `json:"idScope"`
	Address     string   `json:"address,omitempty"` // dialled; empty when the host's name was resolved
	Ports       Ports    `json:"ports"`
	Hubs        []string `json:"hubs,omitempty"`    // host names of the hubs linked to the service
	Control     bool     `json:"control"`           // it has a control port
	Image       string   `json:"image,omitempty"`   // of the containers, when it is a lab of containers
	Foreign     bool     `json:"foreign"`           // not one of our labs
	Defects     []string `json:"defects,omitempty"` // armed on purpose in every service of the run
}

// Ports are those that the target answers on. Zero is a port that it does not have.
type Ports struct {
	HTTPS int `json:"https,omitempty"` // WebSockets too
	MQTTS int `json:"mqtts,omitempty"`
	AMQPS int `json:"amqps,omitempty"`
}

// Selection is what the run was asked to run. The zero value is everything.
type Selection struct {
	LabelFilter string   `json:"labelFilter,omitempty"`
	FocusIDs    []string `json:"focusIds,omitempty"`
}

// Catalogue is the requirements the run was made against, so that a result file can be
// read without the program that wrote it.
type Catalogue struct {
	Version string   `json:"version"`
	Digest  string   `json:"digest"` // "sha256:" and the hex digest of the catalogue file
	Clauses []Clause `json:"clauses"`
}

// Clause is one requirement as the catalogue words it.
type Clause struct {
	ID         string   `json:"id"`
	Level      string   `json:"level"` // must, should or may
	Statement  string   `json:"statement"`
	Source     string   `json:"source"`
	Evidence   string   `json:"evidence"` // sdk, doc, capture or inferred
	Transports []string `json:"transports,omitempty"`
	Needs      []string `json:"needs,omitempty"`
	// Own says that the catalogue does not have it: whoever ran the checks added it, with
	// checks of their own. The catalogue's digest says nothing about it.
	Own bool `json:"own,omitempty"`
}

// Family is the middle word of the id: MQTT of DPS-MQTT-014.
func (c Clause) Family() string { return family(c.ID) }

func family(id string) string {
	if _, rest, ok := strings.Cut(id, "-"); ok {
		if name, _, ok := strings.Cut(rest, "-"); ok {
			return name
		}
	}
	return id
}

// Counts are the sums of a run. Outcomes count results; the rest counts requirements.
type Counts struct {
	Disabled int `json:"disabled"`
	Skipped  int `json:"skipped"`
	Passed   int `json:"passed"`
	Failed   int `json:"failed"`
	Errors   int `json:"errors"`
	Results  int `json:"results"` // all of the above
	Known    int `json:"known"`   // of the failed ones, those that were expected

	Covered      int `json:"covered"`    // requirements that at least one check verifies
	NotCovered   int `json:"notCovered"` // requirements that none does
	Requirements int `json:"requirements"`
}

// Result is one run of one check: over one transport, or over none.
type Result struct {
	Requirement string  `json:"requirement"`
	Title       string  `json:"title"`
	Transport   string  `json:"transport"` // "none" for the service API and the hub's
	Outcome     Outcome `json:"outcome"`
	// Reason says why it was skipped or disabled.
	Reason string `json:"reason,omitempty"`
	// Known says why a failure was expected. Such a one does not fail the run.
	Known string `json:"known,omitempty"`
	// Failure says what was expected and what came, or what broke.
	Failure string `json:"failure,omitempty"`
	// At is the line of the check that saw it, as in suites/mqtt/order.go:42.
	At         string        `json:"at,omitempty"`
	Steps      []string      `json:"steps,omitempty"` // how far it came
	Assertions int           `json:"assertions"`
	Duration   time.Duration `json:"durationNanoseconds"`
	Exchange   Exchange      `json:"exchange,omitempty"` // kept for failed and error
	Rerun      string        `json:"rerun,omitempty"`    // the command that runs it again alone
}

// Name is unique in a run: "DPS-MQTT-014 over mqtt: the answer follows its PUBACK".
func (r Result) Name() string {
	if r.Transport == "none" || r.Transport == "" {
		return r.Requirement + ": " + r.Title
	}
	return r.Requirement + " over " + r.Transport + ": " + r.Title
}

// Event is one thing that passed over the wire, decoded and redacted.
type Event = transcript.Event

// Exchange is what passed over the wire during one run of one check, both sides' records
// in the order of time.
type Exchange []Event

// Injected lists the defects and faults that acted, each once, in order.
func (x Exchange) Injected() []string {
	var ids []string
	for _, e := range x {
		if e.Kind == transcript.KindInjected && !slices.Contains(ids, e.Summary) {
			ids = append(ids, e.Summary)
		}
	}
	return ids
}

// Clause returns the clause with that id.
func (r Run) Clause(id string) (Clause, bool) {
	for _, c := range r.Catalogue.Clauses {
		if c.ID == id {
			return c, true
		}
	}
	return Clause{}, false
}

// Verdict is the outcome of the whole run: the highest of its results and claims, Failed
// where a known failure did not come, and Passed for a run in which nothing was red but
// something passed. A known failure counts as a skip.
func (r Run) Verdict() Outcome {
	verdict := Disabled
	for _, one := range r.Results {
		if one.Known != "" {
			one.Outcome = Skipped
		}
		verdict = max(verdict, one.Outcome)
	}
	for _, c := range r.Claims {
		if c.Outcome == Failed {
			verdict = max(verdict, Failed)
		}
	}
	if len(r.Stale) > 0 {
		verdict = max(verdict, Failed)
	}
	return verdict
}
