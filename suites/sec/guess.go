package sec

import (
	"context"
	"strings"
	"sync"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

const (
	draws = 96 // operation ids that are looked at
	lanes = 4  // devices that register at a time
	// enough hexadecimal digits without a pattern make 64 bits, which nobody guesses by
	// asking. An id has thirty and more where it holds a random UUID.
	enough = 16
	// bound is the chi-square of 15 degrees of freedom that chance exceeds about once in a
	// million. A service whose ids have thirty random digits is accused wrongly when fifteen
	// of them exceed it in one run, which does not happen.
	bound = 54.5
)

// guessingChecks are about ids that stand for a right.
var guessingChecks = []harness.Check{{
	Requirement: "DPS-SEC-004",
	Title:       "operation ids hold 64 bits in which neither the values nor the steps from one id to the next have a pattern",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		ids := operations(ctx, env, t, env.Service(ctx, t).SymmetricKeyGroup(ctx, t))
		random := 0
		for at := range ids[0] {
			if patternless(ids, at) {
				random++
			}
		}
		t.Expect(random).To(BeNumerically(">=", enough), "of the digits of ids such as %q", ids[0])
	},
}}

// operations registers new devices and returns the operation id of each.
func operations(ctx context.Context, env *harness.Env, t *harness.T, group *harness.Group) []string {
	t.Step("%d devices register", draws)
	devices := make([]*harness.Device, draws)
	for i := range devices {
		devices[i] = group.Device(t)
	}
	ids, errs := make([]string, draws), make([]error, draws)
	var registering sync.WaitGroup
	for lane := range lanes {
		registering.Go(func() {
			for i := lane; i < draws; i += lanes {
				ids[i], errs[i] = operation(ctx, env, devices[i])
			}
		})
	}
	registering.Wait()
	for i, id := range ids {
		t.Answered(errs[i], "register "+devices[i].RegistrationID)
		t.Expect(id).To(And(Not(BeEmpty()), HaveLen(len(ids[0]))), "operation ids are of one length")
	}
	return ids
}

func operation(ctx context.Context, env *harness.Env, d *harness.Device) (string, error) {
	conn, err := env.Wire.Device(ctx, dps.HTTPS, d.Service.Device, d.Identity)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	answer, err := conn.Register(ctx, nil)
	return answer.OperationID, err
}

// patternless reports whether the digit at that place is as likely to be one as another,
// and as likely to be followed by one as by another: a counter's last digit is the first and
// not the second.
func patternless(ids []string, at int) bool {
	var values, steps [16]int
	before := 0
	for i, id := range ids {
		digit := strings.IndexByte("0123456789abcdef", id[at]|0x20)
		if id[at] >= '0' && id[at] <= '9' {
			digit = int(id[at] - '0')
		}
		if digit < 0 {
			return false
		}
		values[digit]++
		if i > 0 {
			steps[(digit-before+16)%16]++
		}
		before = digit
	}
	return chiSquare(values) < bound && chiSquare(steps) < bound
}

func chiSquare(counts [16]int) (sum float64) {
	total := 0
	for _, n := range counts {
		total += n
	}
	expected := float64(total) / float64(len(counts))
	for _, n := range counts {
		sum += (float64(n) - expected) * (float64(n) - expected) / expected
	}
	return sum
}
