package harness

import (
	"time"

	"github.com/dpslab/dpslab/suites/sut"
)

// NewCommands are the hooks of a target with a limit of the test's own.
func NewCommands(t sut.Target, limit time.Duration) Hooks { return newCommands(t, limit) }
