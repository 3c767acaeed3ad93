package bulk

import (
	"context"

	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// modeChecks are about what a mode does with records that are there and with others.
var modeChecks = []harness.Check{{
	Requirement: "DPS-BULK-011",
	Title:       "create fails an item whose record exists, and leaves the record as it was",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, c := range both {
			exists, item := c.stored(ctx, t, s), c.record(t)
			c.failed(t, c.operate(ctx, t, s, "create", item, with(exists, disabled)), c.list, exists)
			t.Expect(c.exists(ctx, t, s, item)).To(BeTrue(), "%s, the other item", c.list)
			t.Expect(c.read(ctx, t, s, exists)).To(HaveKeyWithValue("etag", exists["etag"]), c.list)
		}
	},
}, {
	Requirement: "DPS-BULK-013",
	Title:       "update and updateIfMatchETag fail an item whose record does not exist, and make none",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, c := range both {
			for _, mode := range []string{"update", "updateIfMatchETag"} {
				exists, missing := c.stored(ctx, t, s), c.record(t)
				missing["etag"] = exists["etag"]
				c.failed(t, c.operate(ctx, t, s, mode, missing, with(exists, disabled)), mode, missing)
				t.Expect(c.exists(ctx, t, s, missing)).To(BeFalse(), "%s of %s", mode, c.list)
				t.Expect(c.read(ctx, t, s, exists)).To(HaveKeyWithValue("provisioningStatus", "disabled"), "%s of %s", mode, c.list)
			}
		}
	},
}, {
	Requirement: "DPS-BULK-016",
	Title:       "the mode is read in any letter case",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		record := enrollments.stored(ctx, t, s)
		applied(t, enrollments.operate(ctx, t, s, "updateIfMatchEtag", with(record, disabled)), "as Node's type writes it")
		t.Expect(enrollments.read(ctx, t, s, record)).To(HaveKeyWithValue("provisioningStatus", "disabled"))
		item := enrollments.record(t)
		applied(t, enrollments.operate(ctx, t, s, "Create", item), "Create")
		applied(t, enrollments.operate(ctx, t, s, "UPDATE", item), "UPDATE")
		applied(t, enrollments.operate(ctx, t, s, "Delete", item), "Delete")
	},
}, {
	Requirement: "DPS-BULK-017",
	Title:       "delete looks at the id of an item alone",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, c := range both {
			whole, outdated, bare := c.stored(ctx, t, s), c.stored(ctx, t, s), c.stored(ctx, t, s)
			applied(t, c.operate(ctx, t, s, "delete",
				whole,
				with(outdated, harness.Members{"etag": `"00000000-0000-0000-0000-000000000000"`}),
				harness.Members{c.id: bare[c.id], "attestation": harness.Members{"type": "symmetricKey"}},
			), c.list)
			for what, item := range map[string]harness.Members{"a whole record": whole, "an outdated etag": outdated, "no keys": bare} {
				t.Expect(c.exists(ctx, t, s, item)).To(BeFalse(), "%s, %s", c.list, what)
			}
		}
	},
}, {
	Requirement: "DPS-BULK-018",
	Title:       "delete fails an item whose record does not exist, and deletes the others",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, c := range both {
			exists, missing := c.stored(ctx, t, s), c.record(t)
			c.failed(t, c.operate(ctx, t, s, "delete", missing, exists), c.list, missing)
			t.Expect(c.exists(ctx, t, s, exists)).To(BeFalse(), c.list)
		}
	},
}}

// etagChecks are about the etags of items that update.
var etagChecks = []harness.Check{{
	Requirement: "DPS-BULK-012",
	Title:       "update takes an item with any etag, or none",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, c := range both {
			outdated, bare := c.stored(ctx, t, s), c.stored(ctx, t, s)
			delete(bare, "etag")
			applied(t, c.operate(ctx, t, s, "update",
				with(outdated, disabled, harness.Members{"etag": `"00000000-0000-0000-0000-000000000000"`}), with(bare, disabled),
			), c.list)
			for _, item := range []harness.Members{outdated, bare} {
				now := c.read(ctx, t, s, item)
				t.Expect(now).To(HaveKeyWithValue("provisioningStatus", "disabled"), c.list)
				t.Expect(now["etag"]).NotTo(Equal(outdated["etag"]), "%s: the etag changes", c.list)
			}
		}
	},
}, {
	Requirement: "DPS-BULK-014",
	Title:       "updateIfMatchETag updates an item with the etag of its record",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, c := range both {
			record := c.stored(ctx, t, s)
			applied(t, c.operate(ctx, t, s, "updateIfMatchETag", with(record, disabled)), c.list)
			now := c.read(ctx, t, s, record)
			t.Expect(now).To(HaveKeyWithValue("provisioningStatus", "disabled"), c.list)
			applied(t, c.operate(ctx, t, s, "updateIfMatchETag", with(now, harness.Members{"provisioningStatus": "enabled"})), c.list+", again")
			t.Expect(c.read(ctx, t, s, record)).To(HaveKeyWithValue("provisioningStatus", "enabled"), c.list)
		}
	},
}, {
	Requirement: "DPS-BULK-015",
	Title:       "updateIfMatchETag fails an item with an outdated etag, or none, and leaves its record as it was",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, c := range both {
			outdated, bare, good := c.stored(ctx, t, s), c.stored(ctx, t, s), c.stored(ctx, t, s)
			without := with(bare, disabled)
			delete(without, "etag")
			answer := c.operate(ctx, t, s, "updateIfMatchETag",
				with(outdated, disabled, harness.Members{"etag": `"00000000-0000-0000-0000-000000000000"`}), without, with(good, disabled))
			c.failed(t, answer, c.list, outdated, bare)
			for _, item := range []harness.Members{outdated, bare} {
				t.Expect(c.read(ctx, t, s, item)).To(HaveKeyWithValue("etag", item["etag"]), c.list)
			}
			t.Expect(c.read(ctx, t, s, good)).To(HaveKeyWithValue("provisioningStatus", "disabled"), "%s, the good one", c.list)
		}
	},
}}
