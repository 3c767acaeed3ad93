package https

import (
	"context"
	"fmt"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// errorChecks look at how a refusal is told, whatever it is for.
var errorChecks = []harness.Check{{
	Requirement: "DPS-HTTPS-027",
	Title:       "every error comes with errorCode, trackingId, message and timestampUtc",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		text := And(BeAssignableToTypeOf(""), Not(BeEmpty()))
		for _, r := range refusals(ctx, t, device(ctx, env, t)) {
			t.Expect(document(t, r.HTTPResponse)).To(And(
				HaveKeyWithValue("errorCode", BeAssignableToTypeOf(0.0)), HaveKeyWithValue("trackingId", text),
				HaveKeyWithValue("message", text), HaveKeyWithValue("timestampUtc", text),
			), "the answer to %s", r.what)
		}
	},
}, {
	Requirement: "DPS-HTTPS-028",
	Title:       "the thousands of every errorCode are the HTTP status",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		for _, r := range refusals(ctx, t, device(ctx, env, t)) {
			low := float64(r.Status * 1000)
			t.Expect(document(t, r.HTTPResponse)).To(
				HaveKeyWithValue("errorCode", And(BeNumerically(">=", low), BeNumerically("<", low+1000))), "the %d answer to %s", r.Status, r.what)
		}
	},
}, {
	Requirement: "DPS-HTTPS-029",
	Title:       "x-ms-request-id repeats the trackingId of every error",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		for _, r := range refusals(ctx, t, device(ctx, env, t)) {
			t.Expect(document(t, r.HTTPResponse)).To(
				HaveKeyWithValue("trackingId", r.Header.Get("x-ms-request-id")), "the answer to %s", r.what)
		}
	},
}, {
	Requirement: "DPS-HTTPS-030",
	Title:       "x-ms-error-code repeats the errorCode of every error",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		for _, r := range refusals(ctx, t, device(ctx, env, t)) {
			code, _ := document(t, r.HTTPResponse)["errorCode"].(float64)
			t.Expect(r.Header.Get("x-ms-error-code")).To(Equal(fmt.Sprintf("%.0f", code)), "the answer to %s", r.what)
		}
	},
}}
