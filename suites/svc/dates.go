package svc

import (
	"context"
	"net/http"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// beDate matches ISO 8601 in UTC as Java reads it: any fraction or none, and a Z.
var beDate = MatchRegexp(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$`)

// dateChecks are about the dates of records.
var dateChecks = []harness.Check{{
	Requirement: "DPS-SVC-031",
	Title:       "the dates of records and errors are ISO 8601 in UTC, ending in Z",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, record := range []harness.Members{newEnrollment(t), newGroup(t)} {
			for view, sight := range seen(ctx, t, s, record) {
				t.Expect(sight).To(HaveKeyWithValue("createdDateTimeUtc", beDate), view)
				t.Expect(sight).To(HaveKeyWithValue("lastUpdatedDateTimeUtc", beDate), view)
			}
		}
		refused := object(t, s.Get(ctx, t, pathOf(newEnrollment(t))))
		t.Expect(refused).To(HaveKeyWithValue("timestampUtc", beDate))
	},
}, {
	Requirement: "DPS-SVC-031",
	Title:       "the dates of registrations are ISO 8601 in UTC, ending in Z",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		device := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		device.Assigned(ctx, t)
		state := object(t, device.Service.Get(ctx, t, devwire.RegistrationPath(device.RegistrationID)))
		t.Expect(state).To(HaveKeyWithValue("createdDateTimeUtc", beDate))
		t.Expect(state).To(HaveKeyWithValue("lastUpdatedDateTimeUtc", beDate))
	},
}, {
	Requirement: "DPS-SVC-032",
	Title:       "an update keeps createdDateTimeUtc and moves lastUpdatedDateTimeUtc forward",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, record := range []harness.Members{s.Enroll(ctx, t, newEnrollment(t)), s.EnrollGroup(ctx, t, newGroup(t))} {
			answer := put(ctx, t, s, with(record, harness.Members{"provisioningStatus": "disabled"}), etagOf(record))
			t.Expect(answer.Status).To(Equal(http.StatusOK))
			changed := object(t, s.Get(ctx, t, pathOf(record)))
			t.Expect(changed["createdDateTimeUtc"]).To(Equal(record["createdDateTimeUtc"]))
			t.Expect(date(t, changed["lastUpdatedDateTimeUtc"])).To(BeTemporally(">", date(t, record["lastUpdatedDateTimeUtc"])))
		}
	},
}}

func date(t *harness.T, v any) time.Time {
	text, _ := v.(string)
	at, err := time.Parse(time.RFC3339Nano, text)
	t.Answered(err, "read a date")
	return at
}
