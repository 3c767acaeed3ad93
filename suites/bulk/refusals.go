package bulk

import (
	"context"
	"fmt"
	"net/http"

	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// taken is the positive twin of a refusal: the same operation, well-formed.
func (c collection) taken(ctx context.Context, t *harness.T, s *harness.Service) {
	t.Given("a well-formed operation is taken", func() {
		answer := c.operate(ctx, t, s, "create", c.record(t))
		t.Expect(answer.Status).To(BeNumerically("<", 300), "%s", answer.Body)
	})
}

// nothingApplied asserts that none of the items was created.
func (c collection) nothingApplied(ctx context.Context, t *harness.T, s *harness.Service, items []harness.Members) {
	for _, item := range items {
		t.Expect(c.exists(ctx, t, s, item)).To(BeFalse(), "%v was made", item[c.id])
	}
}

// refusalChecks are about operations that are refused as a whole.
var refusalChecks = []harness.Check{{
	Requirement: "DPS-BULK-008",
	Title:       "an operation of 11 items is answered with 400, and none is applied",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, c := range both {
			c.taken(ctx, t, s)
			items := c.records(t, 11)
			t.Expect(c.operate(ctx, t, s, "create", items...).Status).To(Equal(http.StatusBadRequest), c.list)
			c.nothingApplied(ctx, t, s, items)
		}
	},
}, {
	Requirement: "DPS-BULK-009",
	Title:       "an operation without items is answered with 400",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, c := range both {
			c.taken(ctx, t, s)
			for _, mode := range []string{"create", "update", "updateIfMatchETag", "delete"} {
				body := fmt.Sprintf(`{"mode":%q,%q:[]}`, mode, c.list)
				t.Expect(s.Post(ctx, t, c.path, []byte(body)).Status).To(Equal(http.StatusBadRequest), body)
			}
		}
	},
}, {
	Requirement: "DPS-BULK-010",
	Title:       "an operation that names one id twice is answered with an error and no result, and none is applied",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, c := range both {
			c.taken(ctx, t, s)
			items := c.records(t, 2)
			answer := c.operate(ctx, t, s, "create", items[0], items[1], with(items[0], disabled))
			t.Expect(answer.Status).To(And(BeNumerically(">=", 400), BeNumerically("<", 500)), c.list)
			doc, err := answer.JSON()
			t.Answered(err, "read the error")
			t.Expect(doc).NotTo(HaveKey("isSuccessful"), c.list)
			t.Expect(doc).To(HaveKey("errorCode"), c.list)
			c.nothingApplied(ctx, t, s, items)
		}
	},
}, {
	Requirement: "DPS-BULK-019",
	Title:       "an operation without mode, with an unknown one or without its list is answered with 400",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, c := range both {
			c.taken(ctx, t, s)
			items := c.records(t, 2)
			for what, operation := range map[string]harness.Members{
				"no mode":         {c.list: items},
				"an empty mode":   {"mode": "", c.list: items},
				"an unknown mode": {"mode": "upsert", c.list: items},
				"no list":         {"mode": "create"},
			} {
				t.Expect(s.Post(ctx, t, c.path, operation).Status).To(Equal(http.StatusBadRequest), "%s: %s", c.list, what)
			}
			c.nothingApplied(ctx, t, s, items)
		}
	},
}}
