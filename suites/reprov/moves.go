package reprov

import (
	"context"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// moveChecks are about devices that move to another hub.
var moveChecks = []harness.Check{{
	Requirement: "DPS-REPROV-001",
	Title:       "a device moves to the hub that its enrollment names by now, with data or without",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		for _, p := range []harness.Members{migrate, reset} {
			d := redirected(ctx, env, t, p)
			t.Expect(d.AtHub(t, d.again(ctx, t, d.to)).Try(ctx, t)).To(harness.BeAccepted(), "the device at its new hub")
		}
	},
}, {
	Requirement: "DPS-REPROV-002",
	Title:       "a device that moves takes tags and desired properties along",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := redirected(ctx, env, t, migrate)
		d.again(ctx, t, d.to)
		d.hasTwin(ctx, t, d.to, "south", 2)
	},
}, {
	Requirement: "DPS-REPROV-003",
	Title:       "the old hub has no identity of a device that moved, with data or without",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		for _, p := range []harness.Members{migrate, reset} {
			d := redirected(ctx, env, t, p)
			t.Given("the old hub has the identity", func() { d.isAt(ctx, t, d.from, d.to) })
			d.again(ctx, t, d.to)
			d.isAt(ctx, t, d.to, d.from)
		}
	},
},
	substatus("DPS-REPROV-004", "a device that moved with its data hears deviceDataMigrated", migrate, deviceDataMigrated),
	{
		Requirement: "DPS-REPROV-005",
		Title:       "a device that moves without its data begins with the initial twin",
		Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
			d := redirected(ctx, env, t, reset)
			d.again(ctx, t, d.to)
			d.hasTwin(ctx, t, d.to, "north", 1)
		},
	},
	substatus("DPS-REPROV-006", "a device that moved without its data hears deviceDataReset", reset, deviceDataReset),
	{
		Requirement: "DPS-REPROV-008",
		Title:       "a device of the oldest api-version moves where its policy says so, and one of a later version stays",
		Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
			oldest := env.Versions(t, "2018-04-01")[0]
			d := redirected(ctx, env, t, migrate)
			old := d.With(func(id *devwire.Identity) { id.APIVersion = oldest })
			assigned(t, old.Provision(ctx, t), d.to)
			d = redirected(ctx, env, t, never)
			d.again(ctx, t, d.from)
		},
	}, {
		Requirement: "DPS-REPROV-011",
		Title:       "a device without a reprovision policy moves with its data",
		Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
			d := redirected(ctx, env, t, noPolicy)
			answer := d.again(ctx, t, d.to)
			d.hasTwin(ctx, t, d.to, "south", 2)
			t.Expect(answer.State.Substatus).To(Equal(deviceDataMigrated))
		},
	}, {
		Requirement: "DPS-REPROV-013",
		Title:       "a device whose hub is unlinked moves to another, with the initial twin",
		Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
			d := redirected(ctx, env, t, migrate)
			d.Service.Link(ctx, t, harness.WithHubs(d.to))
			answer := d.again(ctx, t, d.to)
			d.hasTwin(ctx, t, d.to, "north", 1)
			t.Expect(answer.State.Substatus).To(Equal(deviceDataReset))
		},
	}, {
		Requirement: "DPS-REPROV-014",
		Title:       "a device that moves takes reported properties along",
		Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
			d := settle(ctx, env, t, migrate)
			t.Given("the device reports", func() {
				session := d.AtHub(t, d.initial).Session(ctx, t)
				t.Expect(session.Subscribe(ctx, devwire.TwinResponseFilter, 0)).To(BeEquivalentTo(0))
				session.Publish(devwire.ReportTopic("1"), 0, []byte(`{"firmware":"1.2"}`))
				session.Answer(ctx)
				t.Expect(d.firmwareAt(ctx, t, d.from)).To(Equal("1.2"))
			})
			d.change(ctx, t, at(d.to))
			d.again(ctx, t, d.to)
			t.Expect(d.firmwareAt(ctx, t, d.to)).To(Equal("1.2"))
		},
	}, {
		Requirement: "DPS-REPROV-015",
		Title:       "a device keeps its device id when it moves",
		Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
			d := redirected(ctx, env, t, migrate)
			answer := d.again(ctx, t, d.to)
			t.Expect(answer.State.DeviceID).To(Equal(d.initial.State.DeviceID))
			d.isAt(ctx, t, d.to)
		},
	}, {
		Requirement: "DPS-REPROV-016",
		Title:       "a device keeps the capability iotEdge when it moves",
		Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
			d := redirected(ctx, env, t, migrate, harness.Members{"capabilities": harness.Members{"iotEdge": true}})
			path := harness.IdentityPath(d.initial.State.DeviceID)
			t.Given("it has the capability at its first hub", func() {
				t.Expect(inside(read(ctx, t, d.from, path), "capabilities", "iotEdge")).To(BeEquivalentTo(true))
			})
			d.again(ctx, t, d.to)
			t.Expect(inside(read(ctx, t, d.to, path), "capabilities", "iotEdge")).To(BeEquivalentTo(true))
		},
	}}

func substatus(requirement, title string, policy harness.Members, want dps.Substatus) harness.Check {
	return harness.Check{Requirement: requirement, Title: title,
		Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
			d := redirected(ctx, env, t, policy)
			t.Given("the first time it hears initialAssignment", func() {
				t.Expect(d.initial.State.Substatus).To(Equal(initialAssignment))
			})
			t.Expect(d.again(ctx, t, d.to).State.Substatus).To(Equal(want))
		},
	}
}

func (d settled) firmwareAt(ctx context.Context, t *harness.T, h *harness.Hub) any {
	return inside(read(ctx, t, h, harness.TwinPath(d.initial.State.DeviceID)), "properties", "reported", "firmware")
}
