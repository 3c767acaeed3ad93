package harness_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/sut"
)

// busiest is the most moments that lie within any window of that length.
func busiest(moments []time.Time, window time.Duration) int {
	most := 0
	for i, from := range moments {
		n := 0
		for _, at := range moments[i:] {
			if at.Sub(from) < window {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

func TestNoMinuteHoldsMoreThanTheQuota(t *testing.T) {
	for _, c := range []struct {
		rule   string
		quotas sut.Quotas
		o      devwire.Operation
		quota  int
		window time.Duration
	}{
		{"service requests", sut.Quotas{ServiceRequestsPerMinute: 60}, devwire.Operation{Kind: devwire.ToService}, 60, time.Minute},
		{"registrations", sut.Quotas{RegistrationsPerMinute: 3}, devwire.Operation{Kind: devwire.ToRegister}, 3, time.Minute},
		{"polls of one device", sut.Quotas{DevicePollsPer10Seconds: 5}, devwire.Operation{Kind: devwire.ToPoll, Device: "d"}, 5, 10 * time.Second},
		{"registry requests", sut.Quotas{HubRegistryRequestsPerMinute: 100}, devwire.Operation{Kind: devwire.ToHub, Path: "/devices/d"}, 100, time.Minute},
		{"queries", sut.Quotas{HubQueriesPerMinute: 20}, devwire.Operation{Kind: devwire.ToHub, Path: "/devices/query"}, 20, time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			traffic := harness.NewTraffic(clock.System(), c.quotas)
			var mu sync.Mutex
			var moments []time.Time
			var lanes sync.WaitGroup
			for range 4 {
				lanes.Go(func() {
					for range c.quota {
						if err := traffic.Before(t.Context(), c.o); err != nil {
							t.Error(err)
						}
						mu.Lock()
						moments = append(moments, clock.System().Now())
						mu.Unlock()
					}
				})
			}
			lanes.Wait()
			if n := busiest(moments, c.window); n > c.quota {
				t.Errorf("%s: %d in %v, the quota is %d", c.rule, n, c.window, c.quota)
			}
			if took, least := moments[len(moments)-1].Sub(moments[0]), 2*c.window; took < least {
				t.Errorf("%s: four times the quota took %v only", c.rule, took)
			} else if most := 12 * c.window; took > most {
				t.Errorf("%s: four times the quota took %v", c.rule, took)
			}
		})
	}
}

func TestQuotasAreApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		traffic := harness.NewTraffic(clock.System(), sut.Quotas{
			ServiceRequestsPerMinute: 1, DevicePollsPer10Seconds: 1, HubRegistryRequestsPerMinute: 1,
		})
		began := clock.System().Now()
		for _, o := range []devwire.Operation{
			{Kind: devwire.ToService}, {Kind: devwire.ToPoll, Device: "a"}, {Kind: devwire.ToPoll, Device: "b"},
			{Kind: devwire.ToHub, Path: "/devices/a", Host: "one"}, {Kind: devwire.ToHub, Path: "/devices/a", Host: "two"},
			{Kind: devwire.ToHub, Path: "/twins/a", Host: "one"}, {Kind: devwire.ToRegister}, {Kind: devwire.ToHubAsDevice},
		} {
			if err := traffic.Before(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
		if waited := clock.System().Now().Sub(began); waited != 0 {
			t.Errorf("waited %v", waited)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if traffic.Before(ctx, devwire.Operation{Kind: devwire.ToService}) == nil {
			t.Error("a wait outlives its context")
		}
	})
}

func TestTrafficCountsWhatWasAskedAndMade(t *testing.T) {
	traffic := harness.NewTraffic(clock.System(), sut.Quotas{})
	for _, one := range []struct {
		o    devwire.Operation
		code int
	}{
		{devwire.Operation{Kind: devwire.ToService, Method: "PUT", Path: "/enrollments/a"}, 200},
		{devwire.Operation{Kind: devwire.ToService, Method: "PUT", Path: "/enrollments/a"}, 200}, // an update
		{devwire.Operation{Kind: devwire.ToService, Method: "PUT", Path: "/enrollments/b"}, 400},
		{devwire.Operation{Kind: devwire.ToService, Method: "PUT", Path: "/enrollmentGroups/g"}, 200},
		{devwire.Operation{Kind: devwire.ToService, Method: "POST", Path: "/enrollments/query"}, 200},
		{devwire.Operation{Kind: devwire.ToHub, Method: "PUT", Path: "/devices/d", Host: "one"}, 200},
		{devwire.Operation{Kind: devwire.ToHub, Method: "POST", Path: "/devices/query", Host: "one"}, 200},
		{devwire.Operation{Kind: devwire.ToHub, Method: "PATCH", Path: "/twins/d", Host: "one"}, 200},
		{devwire.Operation{Kind: devwire.ToRegister, Device: "d"}, 202},
		{devwire.Operation{Kind: devwire.ToRegister, Device: "d"}, 202},
		{devwire.Operation{Kind: devwire.ToPoll, Device: "d"}, 200},
		{devwire.Operation{Kind: devwire.ToHubAsDevice, Device: "d"}, 0},
	} {
		if err := traffic.Before(t.Context(), one.o); err != nil {
			t.Fatal(err)
		}
		traffic.After(one.o, one.code)
	}
	c := traffic.Counts()
	if len(c.Enrollments) != 1 || len(c.Groups) != 1 || len(c.HubIdentities) != 1 || len(c.Devices) != 1 ||
		c.ServiceRequests != 5 || c.HubRequests != 3 || c.RegistryRequests["one"] != 1 || c.HubQueries["one"] != 1 ||
		c.Registrations != 2 || c.Polls != 1 || c.HubMessages != 1 {
		t.Errorf("%+v", c)
	}
}
