package svc

import (
	"context"
	"net/http"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// seen are the sights of a record that was just written: the answer to the PUT, to a GET,
// and to a query.
func seen(ctx context.Context, t *harness.T, s *harness.Service, record harness.Members) map[string]harness.Members {
	written := put(ctx, t, s, record)
	t.Given("the record is accepted", func() { t.Expect(written.Status).To(BeNumerically("<", 300), "%s", written.Body) })
	views := map[string]harness.Members{"PUT": object(t, written), "GET": object(t, s.Get(ctx, t, pathOf(record)))}
	collection, id := "/enrollments", "registrationId"
	if record[id] == nil {
		collection, id = "/enrollmentGroups", "enrollmentGroupId"
	}
	page, err := s.Post(ctx, t, collection+"/query", harness.Members{"query": "SELECT *"}).List()
	t.Answered(err, "read the page")
	for _, item := range page {
		if item[id] == record[id] {
			views["query"] = item
		}
	}
	return views
}

// memberChecks are about the members of a record: defaults, and what is kept as written.
var memberChecks = []harness.Check{{
	Requirement: "DPS-SVC-025",
	Title:       "provisioningStatus is always sent, and is enabled when none was given",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, record := range []harness.Members{newEnrollment(t), newGroup(t)} {
			for view, sight := range seen(ctx, t, s, record) {
				t.Expect(sight).To(HaveKeyWithValue("provisioningStatus", "enabled"), view)
			}
		}
	},
}, {
	Requirement: "DPS-SVC-026",
	Title:       "capabilities is sent with iotEdge false when none were given",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, record := range []harness.Members{newEnrollment(t), newGroup(t)} {
			for view, sight := range seen(ctx, t, s, record) {
				t.Expect(inside(sight, "capabilities", "iotEdge")).To(BeEquivalentTo(false), view)
			}
		}
	},
}, {
	Requirement: "DPS-SVC-027",
	Title:       "an enrollment written without allocationPolicy has none",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, record := range []harness.Members{newEnrollment(t), newGroup(t)} {
			for view, sight := range seen(ctx, t, s, record) {
				t.Expect(sight["allocationPolicy"]).To(BeNil(), view)
			}
		}
	},
}, {
	Requirement: "DPS-SVC-028",
	Title:       "an enrollment written without reprovisionPolicy has none",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, record := range []harness.Members{newEnrollment(t), newGroup(t)} {
			for view, sight := range seen(ctx, t, s, record) {
				t.Expect(sight["reprovisionPolicy"]).To(BeNil(), view)
			}
		}
	},
}, {
	Requirement: "DPS-SVC-029",
	Title:       "initialTwin is returned as it was written",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		tags := harness.Members{"site": "north", "floor": 5.0, "inner": harness.Members{"empty": harness.Members{}, "on": true}}
		desired := harness.Members{"rate": 0.5, "list": []any{"a", 1.0}, "text": "Äß ✓"}
		for _, record := range []harness.Members{newEnrollment(t), newGroup(t)} {
			written := with(record, harness.Members{"initialTwin": harness.Members{"tags": tags, "properties": harness.Members{"desired": desired}}})
			for view, sight := range seen(ctx, t, s, written) {
				t.Expect(inside(sight, "initialTwin", "tags")).To(Equal(tags), view)
				t.Expect(inside(sight, "initialTwin", "properties", "desired")).To(Equal(desired), view)
			}
		}
	},
}, {
	Requirement: "DPS-SVC-029",
	Title:       "empty objects in initialTwin are returned",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		// The Azure CLI always sends these.
		empty := harness.Members{"tags": harness.Members{}, "properties": harness.Members{"desired": harness.Members{}}}
		for view, sight := range seen(ctx, t, s, with(newEnrollment(t), harness.Members{"initialTwin": empty})) {
			t.Expect(inside(sight, "initialTwin", "tags")).To(Equal(harness.Members{}), view)
			t.Expect(inside(sight, "initialTwin", "properties", "desired")).To(Equal(harness.Members{}), view)
		}
	},
}, {
	Requirement: "DPS-SVC-030",
	Title:       "read-only and unknown members of a record that is written are ignored",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		record := newEnrollment(t)
		// C# writes back what it read, with dates of the year 1 where there were none.
		answer := put(ctx, t, s, with(record, harness.Members{
			"registrationState":  harness.Members{"registrationId": record["registrationId"], "status": "assigned", "assignedHub": "hub.invalid"},
			"createdDateTimeUtc": "0001-01-01T00:00:00", "lastUpdatedDateTimeUtc": "0001-01-01T00:00:00",
			"etag": `"00000000-0000-0000-0000-000000000000"`, "frobnicate": []any{harness.Members{"x": 1}},
		}))
		t.Expect(answer.Status).To(Equal(http.StatusOK), "create")
		read := object(t, s.Get(ctx, t, pathOf(record)))
		t.Expect(inside(read, "registrationState", "assignedHub")).To(BeNil())
		t.Expect(read["createdDateTimeUtc"]).NotTo(HavePrefix("0001"))
		t.Expect(s.Get(ctx, t, devwire.RegistrationPath(record["registrationId"].(string))).Status).To(Equal(http.StatusNotFound))
		t.Expect(put(ctx, t, s, read, etagOf(read)).Status).To(Equal(http.StatusOK), "update with what was read")
	},
}, {
	Requirement: "DPS-SVC-033",
	Title:       "members without a value are left out",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, record := range []harness.Members{newEnrollment(t), newGroup(t)} {
			for view, sight := range seen(ctx, t, s, record) {
				t.Expect(nulls("", sight)).To(BeEmpty(), view)
			}
		}
		device := s.SymmetricKeyDevice(ctx, t)
		device.Assigned(ctx, t)
		state := object(t, s.Get(ctx, t, devwire.RegistrationPath(device.RegistrationID)))
		t.Expect(nulls("", state)).To(BeEmpty(), "registration")
	},
}}

// nulls are the paths of members that are null.
func nulls(at string, v any) []string {
	var paths []string
	switch v := v.(type) {
	case nil:
		return []string{at}
	case harness.Members:
		for name, member := range v {
			paths = append(paths, nulls(at+"/"+name, member)...)
		}
	case []any:
		for _, element := range v {
			paths = append(paths, nulls(at+"[]", element)...)
		}
	}
	return paths
}
