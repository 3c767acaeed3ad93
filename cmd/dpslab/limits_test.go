package main

import (
	"testing"

	"github.com/dpslab/dpslab/internal/controlapi"
)

// A lab has no limits unless it is asked for those that are documented; control sets others.
func TestUpKeepsLimitsWhenItIsAskedTo(t *testing.T) {
	t.Parallel()
	documented := controlapi.Limits{RegistrationsPerMinute: 1000, OperationsPerMinute: 1000, PollsPerTenSeconds: 5}
	for _, c := range []struct {
		args []string
		want controlapi.Limits
	}{{nil, controlapi.Limits{}}, {[]string{"--limits"}, documented}} {
		control := up(t, c.args...).open(t).control(t)
		services, err := control.Services(t.Context())
		if err != nil || len(services) != 1 || services[0].Limits != c.want {
			t.Fatalf("%v: %v %v, want %v", c.args, err, services, c.want)
		}
		other := controlapi.Limits{RegistrationsPerMinute: 7}
		if err := control.SetLimits(t.Context(), services[0].Name, other); err != nil {
			t.Fatal(err)
		}
		if s, err := control.Service(t.Context(), services[0].Name); err != nil || s.Limits != other {
			t.Errorf("set to %v, shown are %v (%v)", other, s.Limits, err)
		}
		if err := control.SetLimits(t.Context(), services[0].Name, controlapi.Limits{PollsPerTenSeconds: -1}); err == nil {
			t.Error("a limit below none was taken")
		}
	}
}
