package harness

import (
	"fmt"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/onsi/gomega/format"
)

// The vocabulary is numbers in memory; a red shows its words.
func init() {
	format.RegisterCustomFormatter(func(value any) (string, bool) {
		switch word := value.(type) {
		case dps.Status, dps.Substatus, dps.Attestation, dps.Policy, dps.Transport:
			return fmt.Sprint(word), true
		}
		return "", false
	})
}
