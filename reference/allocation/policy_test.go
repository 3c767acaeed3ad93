package allocation_test

import (
	"testing"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/reference/allocation"
)

func TestPolicies(t *testing.T) {
	hashed := allocation.Hashed("dev-03", hubs(1, 1, 2)) // hub-a, which the golden assignments pin
	for _, c := range []struct {
		rule       string
		policy     dps.Policy
		id         string
		candidates []allocation.Candidate
		want       string // empty: none
	}{
		{"static takes the first", dps.PolicyStatic, "dev-01", hubs(1, 1, 2), "hub-a.azure-devices.net"},
		{"static does not hash", dps.PolicyStatic, "dev-02", hubs(1, 1, 2), "hub-a.azure-devices.net"},
		{"hashed", dps.PolicyHashed, "dev-03", hubs(1, 1, 2), hashed},
		{"geo latency ties, and ties are hashed", dps.PolicyGeoLatency, "dev-03", hubs(1, 1, 2), hashed},
		{"hashed over one", dps.PolicyHashed, "dev-01", hubs(7), "hub-a.azure-devices.net"},
		{"hashed over none", dps.PolicyHashed, "dev-01", nil, ""},
		{"static over none", dps.PolicyStatic, "dev-01", nil, ""},
		{"custom is not chosen here", dps.PolicyCustom, "dev-01", hubs(1), ""},
		{"no policy chooses nothing", dps.PolicyUnset, "dev-01", hubs(1), ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got, ok := allocation.Choose(c.policy, c.id, c.candidates, nil)
			if got != c.want || ok != (c.want != "") {
				t.Errorf("%q, %v", got, ok)
			}
		})
	}
}
