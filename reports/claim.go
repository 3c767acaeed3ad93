package reports

import "fmt"

// Claim is one thing that a target file says its target does, and what was seen of it
// before any check ran.
type Claim struct {
	Name    string `json:"name"`    // as in "transport mqtt"
	Claimed bool   `json:"claimed"` // by the target file, or by what it leaves out
	Seen    Sight  `json:"seen"`
	// Outcome is Passed where claim and sight agree, Failed where they contradict, Skipped
	// where nothing could be seen.
	Outcome Outcome `json:"outcome"`
	Note    string  `json:"note"`             // what was seen, or why nothing was
	Change  string  `json:"change,omitempty"` // what to change when it failed
}

// Sight says whether something was seen.
type Sight string

const (
	SeenYes     Sight = "yes"
	SeenNo      Sight = "no"
	SeenUnknown Sight = "unknown"
)

// String tells the claim in a line.
func (c Claim) String() string {
	claimed := "claimed"
	if !c.Claimed {
		claimed = "not claimed"
	}
	return fmt.Sprintf("%s: %s, seen: %s (%s)", c.Name, claimed, c.Seen, c.Note)
}

// Red tells a claim that failed.
func (c Claim) Red() string {
	return fmt.Sprintf("FAILED the claim of %s\n  %-9s %s\n  %-9s %s\n", c.Name,
		"got", oneLine(c.String(), lineWidth), "change", oneLine(c.Change, lineWidth))
}

func (c Claim) check() error {
	switch {
	case c.Name == "" || c.Note == "":
		return fmt.Errorf("a claim has no name or no note: %v", c)
	case c.Seen != SeenYes && c.Seen != SeenNo && c.Seen != SeenUnknown:
		return fmt.Errorf("the claim of %s is seen %q", c.Name, c.Seen)
	case c.Outcome == Failed && c.Change == "":
		return fmt.Errorf("the claim of %s failed and nothing says what to change", c.Name)
	case c.Outcome == Failed && (c.Seen == SeenYes) == c.Claimed, c.Outcome == Passed && (c.Seen == SeenYes) != c.Claimed,
		(c.Outcome == Skipped) != (c.Seen == SeenUnknown), c.Outcome == Disabled || c.Outcome == Error:
		return fmt.Errorf("the claim of %s is %s, which its sight does not bear out: %v", c.Name, c.Outcome, c)
	}
	return nil
}
