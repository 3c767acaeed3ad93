package reports

import "fmt"

// Outcome is how one run of one check ended. The order is a lattice: whatever happens
// later in a run can only raise its outcome, never lower it.
type Outcome uint8

const (
	Disabled Outcome = iota // not selected for this run
	Skipped                 // could not apply to this target; Result.Reason says why
	Passed
	Failed // the target does not do what the requirement says
	Error  // the target could not be tested: set-up, engine or check broke
)

var outcomes = [...]string{"disabled", "skipped", "passed", "failed", "error"}

func (o Outcome) String() string {
	if int(o) < len(outcomes) {
		return outcomes[o]
	}
	return fmt.Sprintf("outcome %d", uint8(o))
}

// Red reports whether somebody has to look at it.
func (o Outcome) Red() bool { return o >= Failed }

// MarshalText writes the word.
func (o Outcome) MarshalText() ([]byte, error) {
	if int(o) >= len(outcomes) {
		return nil, fmt.Errorf("no such outcome: %d", uint8(o))
	}
	return []byte(outcomes[o]), nil
}

// UnmarshalText reads the word.
func (o *Outcome) UnmarshalText(b []byte) error {
	for i, word := range outcomes {
		if word == string(b) {
			*o = Outcome(i)
			return nil
		}
	}
	return fmt.Errorf("no such outcome: %q", b)
}
