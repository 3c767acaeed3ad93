package load

import (
	"time"

	"github.com/dpslab/dpslab/reports"
)

// Schema is the version of the result file that this package writes and reads.
const Schema = "dpslab/load/v1"

// Run is one load run against one target: a worker's part, or the whole.
type Run struct {
	Schema      string        `json:"schema"`
	Answer      Answer        `json:"answer"`
	Verdict     Verdict       `json:"verdict"`
	Reasons     []string      `json:"reasons,omitempty"` // for any verdict but Passed
	Tool        reports.Tool  `json:"tool"`
	Scenario    Scenario      `json:"scenario"`
	Target      Target        `json:"target"`
	Environment Environment   `json:"environment"`
	Shard       Shard         `json:"shard"`
	Seed        string        `json:"seedFingerprint"` // tells runs of another seed apart; nobody gets the seed from it
	Mode        Mode          `json:"mode"`
	Began       time.Time     `json:"began"`
	Elapsed     time.Duration `json:"elapsedNanoseconds"` // until the last flow ended
	// Interrupted says why the run ended before its time; what it found until then stands.
	Interrupted  []string      `json:"interrupted,omitempty"`
	Expectations []Expectation `json:"expectations"`
	Invariants   []Invariant   `json:"invariants"`
	Flows        []Traffic     `json:"flows"`    // by kind, sorted
	Requests     []Traffic     `json:"requests"` // by kind, sorted
	Allocation   *Allocation   `json:"allocation,omitempty"`
	Timeline     []Event       `json:"timeline"` // in the order of time
	Series       []Second      `json:"series"`   // without gaps, from second 0
	Health       Health        `json:"health"`
}

// Verdict is the outcome of a run.
type Verdict string

const (
	Passed      Verdict = "passed"
	Failed      Verdict = "failed"      // the target broke an expectation or an invariant
	Void        Verdict = "void"        // the generator fell behind: latencies say nothing of the target
	Interrupted Verdict = "interrupted" // it ended before its time
)

// Scenario is what was run.
type Scenario struct {
	Name   string            `json:"name"`
	Digest string            `json:"digest"` // "sha256:" and the hex digest of the file
	Vars   map[string]string `json:"vars,omitempty"`
}

// Target is what was tested. It holds no secret.
type Target struct {
	Identity string   `json:"identity"` // host name of the device API
	Kind     string   `json:"kind"`     // embedded, containers, or the name of a target file
	Hubs     []string `json:"hubs,omitempty"`
}

// Environment is where the generator ran.
type Environment struct {
	CPUs        int `json:"cpus"`
	Descriptors int `json:"descriptorLimit,omitempty"` // of each worker; 0 where there is none
}

// Shard is which part of the scenario the run is.
type Shard struct {
	Indexes []int `json:"indexes"` // from 1
	Of      int   `json:"of"`
	Workers int   `json:"workers"` // processes that generated the load
}

// Mode is what decided when a flow starts.
type Mode struct {
	Kind    string `json:"kind"`              // Closed or Paced
	Workers int    `json:"workers,omitempty"` // of Closed: flows at any time
}

const (
	Closed = "closed" // each worker starts a flow when it has ended the last
	Paced  = "paced"  // flows start when it is their time, whatever became of others
)

// Event is something that the scenario did, beside the load.
type Event struct {
	At    time.Duration `json:"atNanoseconds"` // from the beginning
	What  string        `json:"what"`
	Error string        `json:"error,omitempty"` // it could not be done: why
}

// Invariant is what has to hold at any load.
type Invariant struct {
	Name      string   `json:"name"`
	Statement string   `json:"statement"`
	Checked   int      `json:"checked"` // answers, or devices, that were looked at
	Broken    int      `json:"broken"`
	Examples  []string `json:"examples,omitempty"` // the first few
}

// maxExamples is how many examples of a broken invariant are kept.
const maxExamples = 10

// Break counts one that does not hold, and tells it when it is among the first.
func (i *Invariant) Break(example string) {
	i.Broken++
	if len(i.Examples) < maxExamples {
		i.Examples = append(i.Examples, example)
	}
}
