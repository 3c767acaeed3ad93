package qry

import (
	"context"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// conditions are what WHERE may say, and which of the records red, green and blue it selects.
var conditions = []struct {
	where string
	want  []string
}{
	{"deviceId = 'red'", []string{"red"}},
	{"deviceId != 'red'", []string{"green", "blue"}},
	{"deviceId <> 'red'", []string{"green", "blue"}},
	{"NOT deviceId = 'red'", []string{"green", "blue"}},
	{"provisioningStatus = 'disabled'", []string{"blue"}},
	{"initialTwin.properties.desired.rate > 1", []string{"green", "blue"}},
	{"initialTwin.properties.desired.rate >= 2 AND initialTwin.properties.desired.rate < 3", []string{"green"}},
	{"initialTwin.properties.desired.rate <= 1 OR provisioningStatus = 'disabled'", []string{"red", "blue"}},
	{"deviceId = 'red' OR deviceId = 'green' AND provisioningStatus = 'disabled'", []string{"red"}},
	{"(deviceId = 'red' OR deviceId = 'blue') AND provisioningStatus = 'disabled'", []string{"blue"}},
	{"NOT (deviceId = 'red' OR deviceId = 'green')", []string{"blue"}},
	{"deviceId IN ['red', 'blue']", []string{"red", "blue"}},
	{"capabilities.iotEdge = true", []string{"green"}},
	{"IS_DEFINED(allocationPolicy)", []string{"red"}},
	{"deviceId = 'yellow'", nil},
}

// conditionChecks are about what WHERE selects.
var conditionChecks = []harness.Check{{
	Requirement: "DPS-QRY-013",
	Title:       "WHERE filters by comparisons joined by AND, OR and NOT",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		rate := func(n int) harness.Members {
			return harness.Members{"properties": harness.Members{"desired": harness.Members{"rate": n}}}
		}
		ids := map[string]any{}
		for name, members := range map[string]harness.Members{
			"red":   {"initialTwin": rate(1), "allocationPolicy": "hashed"},
			"green": {"initialTwin": rate(2), "capabilities": harness.Members{"iotEdge": true}},
			"blue":  {"initialTwin": rate(3), "provisioningStatus": "disabled"},
		} {
			ids[name] = s.Enroll(ctx, t, keys(), members, harness.Members{"deviceId": name})["registrationId"]
		}
		for _, c := range conditions {
			var got []string
			for _, id := range selected(ctx, t, s, enrollments, "SELECT * FROM enrollments WHERE "+c.where) {
				for name := range ids {
					if ids[name] == id {
						got = append(got, name)
					}
				}
			}
			t.Expect(got).To(ConsistOf(c.want), c.where)
		}
	},
}, {
	Requirement: "DPS-QRY-013",
	Title:       "WHERE filters groups, and registrations of a group",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		disabled := s.EnrollGroup(ctx, t, keys(), harness.Members{"provisioningStatus": "disabled"})["enrollmentGroupId"]
		enabled := enrollGroup(ctx, t, s)
		t.Expect(selected(ctx, t, s, groups, "SELECT * FROM enrollmentGroups WHERE provisioningStatus = 'disabled'")).
			To(And(ContainElement(disabled), Not(ContainElement(enabled))))

		group := s.SymmetricKeyGroup(ctx, t)
		devices := []*harness.Device{group.Device(t), group.Device(t)}
		for _, device := range devices {
			device.Assigned(ctx, t)
		}
		path, one := devwire.RegistrationPath(group.ID), devices[0].RegistrationID
		for where, want := range map[string][]any{
			"registrationId = '" + one + "' AND status = 'assigned'": {one},
			"NOT registrationId = '" + one + "'":                     {devices[1].RegistrationID},
			"status = 'failed'":                                      nil,
		} {
			t.Expect(selected(ctx, t, s, path, "SELECT * WHERE "+where)).To(ConsistOf(want...), where)
		}
	},
}}
