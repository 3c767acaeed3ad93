// Package limit verifies the limits of a service (docs/protocol/device-api.md 8): how who
// is over one is told so over each transport, what is counted with what, and that a
// throttled client that comes again when it was told to is served.
//
// A real service's limits cannot be met within a minute, nor may they be: these checks make
// services of their own whose limits are small.
package limit

import (
	"context"
	"slices"
	"time"

	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"
)

// Checks returns the checks of family LIMIT.
func Checks() []harness.Check { return slices.Concat(deviceChecks, operatorChecks) }

// throttledCode is what a throttled request is told (device-api.md 1.6).
const throttledCode = 429001

// beThrottled matches an answer that refuses for the limit and says when to come again,
// within the time that the limit is about.
func beThrottled(within time.Duration) types.GomegaMatcher {
	return And(
		HaveField("Code", 429),
		HaveField("Error", HaveField("ErrorCode", throttledCode)),
		HaveField("HasRetryAfter", true),
		HaveField("RetryAfter", And(BeNumerically(">", 0), BeNumerically("<=", within))),
	)
}

// beTaken matches an answer to a register call or a poll that was not refused.
func beTaken() types.GomegaMatcher {
	return And(HaveField("Code", BeNumerically("<", 300)), HaveField("OperationID", Not(BeEmpty())))
}

// registered sends one register request on an open connection.
func registered(ctx context.Context, t *harness.T, conn devwire.Device) devwire.Answer {
	answer, err := conn.Register(ctx, nil)
	t.Answered(err, "register")
	return answer
}

func polled(ctx context.Context, t *harness.T, conn devwire.Device, operation string) devwire.Answer {
	answer, err := conn.Poll(ctx, operation)
	t.Answered(err, "poll")
	return answer
}

// limited is a service with these limits and a group whose devices are cheap to make.
func limited(ctx context.Context, env *harness.Env, t *harness.T, l controlapi.Limits) (*harness.Service, *harness.Group) {
	s := env.Service(ctx, t)
	group := s.SymmetricKeyGroup(ctx, t)
	s.Limit(ctx, t, l)
	return s, group
}
