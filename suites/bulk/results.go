package bulk

import (
	"context"
	"net/http"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// everyMode creates, updates and deletes two items by bulk operations.
func (c collection) everyMode(ctx context.Context, t *harness.T, s *harness.Service) {
	items := c.records(t, 2)
	applied(t, c.operate(ctx, t, s, "create", items...), "create")
	var changed []harness.Members
	for _, item := range items {
		t.Expect(c.read(ctx, t, s, item)).To(HaveKeyWithValue(c.id, item[c.id]))
		changed = append(changed, with(item, disabled))
	}
	applied(t, c.operate(ctx, t, s, "update", changed...), "update")
	for _, item := range items {
		t.Expect(c.read(ctx, t, s, item)).To(HaveKeyWithValue("provisioningStatus", "disabled"))
	}
	applied(t, c.operate(ctx, t, s, "delete", items...), "delete")
	for _, item := range items {
		t.Expect(c.exists(ctx, t, s, item)).To(BeFalse(), "%v after delete", item[c.id])
	}
}

// resultChecks are about answers to operations that are well-formed.
var resultChecks = []harness.Check{{
	Requirement: "DPS-BULK-001",
	Title:       "a bulk operation creates, updates and deletes enrollments",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		enrollments.everyMode(ctx, t, env.Service(ctx, t))
	},
}, {
	Requirement: "DPS-BULK-002",
	Title:       "a bulk operation creates, updates and deletes enrollment groups",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		groups.everyMode(ctx, t, env.Service(ctx, t))
	},
}, {
	Requirement: "DPS-BULK-003",
	Title:       "the result of an operation of which nothing failed has an empty array errors",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, c := range both {
			doc, err := c.operate(ctx, t, s, "create", c.record(t)).JSON()
			t.Answered(err, "read the result")
			t.Expect(doc["errors"]).To(And(BeAssignableToTypeOf([]any{}), BeEmpty()), c.list)
		}
	},
}, {
	Requirement: "DPS-BULK-004",
	Title:       "of three items with a bad one between them two are applied and one is listed",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		// A TPM without its keys, as in the Node client's own sample.
		bad := harness.Members{"attestation": harness.Members{"type": "tpm"}}
		for _, c := range both {
			items := c.records(t, 3)
			items[1] = with(items[1], bad)
			c.failed(t, c.operate(ctx, t, s, "create", items...), c.list, items[1])
			for i, stored := range []bool{true, false, true} {
				t.Expect(c.exists(ctx, t, s, items[i])).To(Equal(stored), "%s, item %d", c.list, i)
			}
		}
	},
}, {
	Requirement: "DPS-BULK-005",
	Title:       "a failed item is described by its id, an errorCode and an errorStatus",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, c := range both {
			missing := c.record(t)
			r := resultOf(t, c.operate(ctx, t, s, "update", missing))
			t.Expect(r.errors).To(ConsistOf(And(
				HaveKeyWithValue(c.id, missing[c.id]),
				HaveKeyWithValue("errorCode", BeAssignableToTypeOf(float64(0))),
				HaveKeyWithValue("errorStatus", And(BeAssignableToTypeOf(""), Not(BeEmpty()))),
			)), c.list)
		}
	},
}, {
	Requirement: "DPS-BULK-006",
	Title:       "the errorCode of a failed item has the status of the same refusal alone",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		exists, missing := enrollments.stored(ctx, t, s), enrollments.record(t)
		outdated := with(exists, harness.Members{"etag": `"00000000-0000-0000-0000-000000000000"`})
		for _, one := range []struct {
			mode   string
			item   harness.Members
			status int
		}{
			{"create", exists, http.StatusConflict},
			{"update", missing, http.StatusNotFound},
			{"delete", missing, http.StatusNotFound},
			{"updateIfMatchETag", outdated, http.StatusPreconditionFailed},
			{"create", with(missing, harness.Members{"allocationPolicy": "nearest"}), http.StatusBadRequest},
		} {
			r := resultOf(t, enrollments.operate(ctx, t, s, one.mode, one.item))
			t.Expect(r.errors).To(HaveLen(1), one.mode)
			code, _ := r.errors[0]["errorCode"].(float64)
			t.Expect(int(code)/1000).To(Equal(one.status), "%s: errorCode %v", one.mode, code)
		}
	},
}, {
	Requirement: "DPS-BULK-007",
	Title:       "an operation of 10 items is taken",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, c := range both {
			items := c.records(t, 10)
			applied(t, c.operate(ctx, t, s, "create", items...), c.list)
			t.Expect(c.exists(ctx, t, s, items[0])).To(BeTrue(), "%s, the first", c.list)
			t.Expect(c.exists(ctx, t, s, items[9])).To(BeTrue(), "%s, the last", c.list)
		}
	},
}, {
	Requirement: "DPS-BULK-020",
	Title:       "an operation is taken at a path that ends in a slash",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, c := range both {
			slash := c
			slash.path += "/"
			item := c.record(t)
			applied(t, slash.operate(ctx, t, s, "create", item), slash.path)
			t.Expect(c.exists(ctx, t, s, item)).To(BeTrue(), slash.path)
		}
	},
}, {
	Requirement: "DPS-BULK-023",
	Title:       "with the naive REST extension a bulk operation is told from the POST of one record",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t, harness.WithNaiveREST())
		for _, c := range both {
			c.told(ctx, t, s)
		}
	},
}}

// told posts an operation and a record to one collection.
func (c collection) told(ctx context.Context, t *harness.T, s *harness.Service) {
	one, item := c.record(t), c.record(t)
	answer := s.Post(ctx, t, c.path, one)
	t.Expect(answer.Status).To(Equal(http.StatusCreated), "%s, a record", c.path)
	applied(t, c.operate(ctx, t, s, "create", item), c.path)
	t.Expect(c.exists(ctx, t, s, item)).To(BeTrue(), "%s, the item", c.path)
	for what, half := range map[string]harness.Members{
		"a record with a mode": with(c.record(t), harness.Members{"mode": "create"}),
		"a record with a list": with(c.record(t), harness.Members{c.list: []harness.Members{}}),
	} {
		answer := s.Do(ctx, t, devwire.ServiceRequest{Method: http.MethodPost, Path: c.path, Body: half})
		t.Expect(answer.Status).To(Equal(http.StatusBadRequest), "%s, %s", c.path, what)
	}
}
