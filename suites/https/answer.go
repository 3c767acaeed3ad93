package https

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// answerChecks are about every answer alike, whatever it says.
var answerChecks = []harness.Check{{
	Requirement: "DPS-HTTPS-007",
	Title:       "no answer holds null",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		for _, a := range answers(ctx, env, t) {
			t.Expect(nulls("", document(t, a.HTTPResponse))).To(BeEmpty(), "the answer to %s", a.what)
		}
	},
}, {
	Requirement: "DPS-HTTPS-007",
	Title:       "the answer about a disabled enrollment holds no null",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		t.Expect(nulls("", document(t, ended(ctx, env, t, device(ctx, env, t, disabled))))).To(BeEmpty())
	},
}, {
	Requirement: "DPS-HTTPS-007",
	Title:       "the answer about a failed registration holds no null",
	Transports:  harness.Over(dps.HTTPS),
	Needs:       []harness.Need{harness.NeedControl},
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t, harness.WithHubs()).SymmetricKeyDevice(ctx, t)
		t.Expect(nulls("", document(t, ended(ctx, env, t, d)))).To(BeEmpty())
	},
}, {
	Requirement: "DPS-HTTPS-010",
	Title:       "every answer is declared as application/json",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		for _, a := range answers(ctx, env, t) {
			t.Expect(a.Header.Get("Content-Type")).To(MatchRegexp(`(?i)^application/json\s*(;|$)`), "the answer to %s", a.what)
			t.Expect(json.Valid(a.Body)).To(BeTrue(), "the answer to %s is JSON", a.what)
		}
	},
}, {
	Requirement: "DPS-HTTPS-011",
	Title:       "every answer comes with its Content-Length",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		for _, a := range answers(ctx, env, t) {
			// An answer that is chunked has none (RFC 9112 6.3).
			t.Expect(a.Header.Values("Content-Length")).To(Equal([]string{strconv.Itoa(len(a.Body))}), "the answer to %s", a.what)
		}
	},
}}

// nulls lists where in a JSON value a null stands.
func nulls(at string, v any) (found []string) {
	switch v := v.(type) {
	case nil:
		return []string{at}
	case map[string]any:
		for name, member := range v {
			found = append(found, nulls(at+"."+name, member)...)
		}
	case []any:
		for i, item := range v {
			found = append(found, nulls(fmt.Sprintf("%s[%d]", at, i), item)...)
		}
	}
	return found
}
