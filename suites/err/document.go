package err

import (
	"context"
	"math"
	"time"

	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// documentChecks look at the error document, which is the same over each transport.
var documentChecks = []harness.Check{{
	Requirement: "DPS-ERR-001",
	Title:       "the members of an error document have their types",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		text := And(BeAssignableToTypeOf(""), Not(BeEmpty()))
		for _, r := range refusals(ctx, env, t) {
			doc := document(t, r)
			t.Expect(doc).To(And(HaveKeyWithValue("errorCode", WithTransform(isWhole, BeTrue())), HaveKeyWithValue("trackingId", text),
				HaveKeyWithValue("message", text), HaveKeyWithValue("timestampUtc", text)), "the answer to %s", r.what)
			info, given := doc["info"]
			if given {
				t.Expect(info).To(And(BeAssignableToTypeOf(map[string]any{}), HaveEach(BeAssignableToTypeOf(""))), "info in the answer to %s", r.what)
			}
		}
	},
}, {
	Requirement: "DPS-ERR-002",
	Title:       "an error document holds nothing of an operation",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		for _, r := range refusals(ctx, env, t) {
			t.Expect(document(t, r)).NotTo(Or(HaveKey("operationId"), HaveKey("status"), HaveKey("registrationState")), "the answer to %s", r.what)
		}
	},
}, {
	Requirement: "DPS-ERR-003",
	Title:       "the timestamp of an error is a date in UTC with a Z",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		for _, r := range refusals(ctx, env, t) {
			stamp, _ := document(t, r)["timestampUtc"].(string)
			_, err := time.Parse(time.RFC3339Nano, stamp)
			t.Expect(err).NotTo(HaveOccurred(), "%q in the answer to %s", stamp, r.what)
			t.Expect(stamp).To(HaveSuffix("Z"), "in the answer to %s", r.what)
		}
	},
}, {
	Requirement: "DPS-ERR-004",
	Title:       "two errors of one device have trackingIds of their own",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		conn := env.Service(ctx, t).SymmetricKeyDevice(ctx, t).Connect(ctx, t)
		one := document(t, refusal{"a poll of an unknown operation", polled(ctx, t, conn, unknownOperation)})
		two := document(t, refusal{"the same again", polled(ctx, t, conn, unknownOperation)})
		t.Expect(one).To(HaveKeyWithValue("trackingId", Not(BeEmpty())))
		t.Expect(two["trackingId"]).NotTo(Equal(one["trackingId"]))
	},
}}

func isWhole(v any) bool {
	n, number := v.(float64)
	return number && n == math.Trunc(n)
}
