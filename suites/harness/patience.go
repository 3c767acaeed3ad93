package harness

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
)

// unnamedWait is how long a throttled request waits that names no retry-after.
const unnamedWait = 5 * time.Second

// unthrottled asks. At a target with quotas, whose clients others may be as well, set-up
// and clean-up wait as long as a 429 says and ask again. An answer under assertion is
// what it is: it is never asked for twice, and a failure after it says nothing about the
// target.
func (t *T) unthrottled(ctx context.Context, env *Env, what string, ask func() (code int, after time.Duration)) {
	for {
		code, after := ask()
		if code != http.StatusTooManyRequests || !env.traffic.Paced() {
			return
		}
		t.mu.Lock()
		given := t.given != ""
		if !given {
			t.throttled = what
		}
		t.mu.Unlock()
		if !given {
			t.Step("%s was answered with 429, under assertion", what)
			return
		}
		if after <= 0 {
			after = unnamedWait
		}
		t.Step("%s is throttled; wait %v and ask again", what, after)
		if clock.Wait(ctx, env.Wire.Clock, after) != nil {
			return
		}
	}
}

// retryAfter is what a response to a service client says in its header, in seconds.
func retryAfter(r devwire.HTTPResponse) time.Duration {
	seconds, err := strconv.ParseUint(r.Header.Get("Retry-After"), 10, 16)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
