package harness

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/transcript"
	"github.com/dpslab/dpslab/reports"
	"github.com/onsi/gomega"
)

// T is one run of one check: its assertions, its outcome, and what it has to clean up.
//
// Whatever fails ends the check at once, and every later event can only raise the outcome
// (reports.Outcome). Which words to use:
//
//   - Expect, Eventually: what the requirement says. A failure is the target's: failed.
//   - Answered: the target answered at all. No answer is failed; no way to it is error.
//   - Given: what must hold before the requirement can be tried, such as the positive
//     twin of a refusal. A failure inside is error: nothing was learnt.
//   - Must: set-up that has nothing to do with the requirement. A failure is error.
type T struct {
	c      Case
	prefix string        // of names
	first  dps.Transport // that the target claims, for a device of a run without one
	gomega gomega.Gomega

	mu           sync.Mutex
	ended        bool // something was raised, or the run is over
	outcome      reports.Outcome
	reason       string
	failure      string
	at           string
	assertions   int
	given        string
	steps        []string
	cleanups     []func(context.Context)
	recorded     []recorded
	hubs         int // of the target, handed out
	exchange     reports.Exchange
	observing    bool            // an inferred clause on a foreign target
	registering  map[string]bool // devices that may have been registered, and whether that is over
	unregistered []string        // ids whose registrations clean-up removes
	raw          bool            // something was sent that the meter cannot read
	throttled    string          // what was answered with 429 under assertion
	limit        *limit          // the time of what runs now: the check, then its clean-up
	during       context.Context
}

func newT(c Case, env *Env) *T {
	t := &T{c: c, prefix: env.Target.Prefix, first: env.firstTransport(), observing: env.Target.Foreign && c.Clause.Evidence == "inferred"}
	t.gomega = gomega.NewGomega(t.fail)
	t.gomega.SetDefaultEventuallyTimeout(env.Timeouts.Answer)
	t.gomega.SetDefaultConsistentlyDuration(env.Timeouts.Silence)
	t.gomega.EnforceDefaultTimeoutsWhenUsingContexts()
	return t
}

// Transport is the one this run is over; dps.TransportNone for checks without.
func (t *T) Transport() dps.Transport { return t.c.Transport }

// Expect asserts what the requirement says.
func (t *T) Expect(actual any, extra ...any) gomega.Assertion {
	return counted{t.gomega.Expect(actual, extra...), t}
}

// Eventually asserts what the requirement says, until it holds: for Timeouts.Answer unless
// told otherwise.
func (t *T) Eventually(ctx context.Context, actual any, extra ...any) gomega.AsyncAssertion {
	return countedAsync{t.gomega.Eventually(ctx, append([]any{actual}, extra...)...), t}
}

// Consistently asserts what the requirement says, for Timeouts.Silence unless told
// otherwise.
func (t *T) Consistently(ctx context.Context, actual any, extra ...any) gomega.AsyncAssertion {
	return countedAsync{t.gomega.Consistently(ctx, append([]any{actual}, extra...)...), t}
}

// Given runs f, in which a failure is an error of the run: it says that the check could
// not be made, and nothing about the requirement. Assertions inside do not count.
func (t *T) Given(what string, f func()) {
	t.mu.Lock()
	outer := t.given
	t.given = what
	t.mu.Unlock()
	t.Step("given: %s", what)
	f()
	t.mu.Lock()
	t.given = outer
	t.mu.Unlock()
}

// Must ends the run in error when set-up failed.
func (t *T) Must(err error, what string) {
	if err != nil {
		t.end(reports.Error, what+": "+err.Error())
	}
}

// Answered ends the run when err is not nil: in error when the target could not be
// reached, as failed when it was reached and did not answer as its protocol asks.
func (t *T) Answered(err error, what string) {
	switch {
	case err == nil:
	case unreachable(err):
		t.end(reports.Error, what+": "+err.Error())
	default:
		t.fail(what + ": " + err.Error())
	}
}

// unreachable reports whether err says that no connection came about: nobody listens, or
// somebody does whom the target file does not vouch for.
func unreachable(err error) bool {
	var op *net.OpError
	var certificate *tls.CertificateVerificationError
	return errors.As(err, &op) && op.Op == "dial" || errors.As(err, &certificate)
}

// Step notes how far the run came. The last one stands under a red.
func (t *T) Step(format string, a ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.steps = append(t.steps, transcript.RedactText(fmt.Sprintf(format, a...)))
}

// Skip ends the run because it does not apply to this target.
func (t *T) Skip(reason string) {
	t.raise(reports.Skipped, reason)
	runtime.Goexit()
}

// Cleanup runs f when the run is over, whatever its outcome, the last one first. In f, Must
// and Expect raise the outcome and end f alone.
func (t *T) Cleanup(f func(ctx context.Context)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cleanups = append(t.cleanups, f)
}

// names numbers the names of this process; process tells processes of one run apart.
var (
	names   atomic.Uint64
	process = sync.OnceValue(func() string { return strings.ToLower(rand.Text()[:8]) })
)

// Name returns a name that nothing else has, at each call another. It is valid as
// registration id, device id, group, service and hub name, and as common name.
func (t *T) Name() string {
	return fmt.Sprintf("%s%s-%s-%d", t.prefix, strings.ToLower(t.c.Requirement), process(), names.Add(1))
}

func (t *T) count() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.given == "" {
		t.assertions++
	}
}

// fail is what an assertion that does not hold ends in.
func (t *T) fail(message string, _ ...int) {
	t.mu.Lock()
	given := t.given
	t.mu.Unlock()
	if given != "" {
		t.end(reports.Error, "given that "+given+": "+message)
	}
	t.end(reports.Failed, message)
}

// assert is Expect for what has no value to compare.
func (t *T) assert(holds bool, otherwise string) {
	t.count()
	if !holds {
		t.fail(otherwise)
	}
}

// end raises the outcome and ends the goroutine, which is the check unless the check
// started others.
func (t *T) end(o reports.Outcome, message string) {
	t.raise(o, message)
	runtime.Goexit()
}

// raise sets the outcome if it is higher than what there is.
func (t *T) raise(o reports.Outcome, message string) {
	at := caller()
	t.mu.Lock()
	defer t.mu.Unlock()
	message = transcript.RedactText(message)
	if o == reports.Failed && t.throttled != "" {
		o, message = reports.Error, "the target throttles, lower its quotas in the target file or run it alone: "+t.throttled+" was answered with 429: "+message
	}
	if o == reports.Failed && t.observing {
		o, message = reports.Skipped, "an inferred clause is observed, not judged, on a foreign target: "+message
	}
	if t.ended && o <= t.outcome {
		return
	}
	t.ended, t.outcome, t.at = true, o, at
	if o < reports.Passed {
		t.reason = message
	} else {
		t.failure = message
	}
}

// caller is the line of the check: the first one outside gomega and this package.
func caller() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		switch {
		case strings.HasPrefix(f.Function, "github.com/onsi/gomega"), strings.HasPrefix(f.Function, harnessPackage),
			strings.HasPrefix(f.Function, "runtime."):
		case f.Function != "":
			file := f.File
			if i := strings.LastIndex(file, "/suites/"); i >= 0 {
				file = file[i+1:]
			}
			return fmt.Sprintf("%s:%d", file, f.Line)
		}
		if !more {
			return ""
		}
	}
}

const harnessPackage = "github.com/dpslab/dpslab/suites/harness."
