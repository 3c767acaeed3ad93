package provisioning_test

import (
	"fmt"
	"testing"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/allocation"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/provisioning"
)

// What is chosen is the business of allocation; from what, and by which policy, is decided
// here (service-api.md 4.2).
func TestPolicyAndCandidates(t *testing.T) {
	a, b, off := newHub("hub-a"), newHub("hub-b"), newHub("hub-off")
	linked := []provisioning.Link{
		{Hub: a, Weight: 1, Applies: true}, {Hub: b, Weight: 7, Applies: true}, {Hub: off, Weight: 1},
	}
	both := []allocation.Candidate{{Host: a.host, Weight: 1}, {Host: b.host, Weight: 7}}
	for _, c := range []struct {
		rule       string
		service    dps.Policy
		change     func(e *enrollment.Enrollment)
		policy     dps.Policy
		candidates []allocation.Candidate
		fails      bool
	}{
		{"all hubs that take part, hashed", dps.PolicyUnset, func(e *enrollment.Enrollment) {}, dps.PolicyHashed, both, false},
		{"the service's policy", dps.PolicyGeoLatency, func(e *enrollment.Enrollment) {}, dps.PolicyGeoLatency, both, false},
		{"the enrollment's before the service's", dps.PolicyStatic, func(e *enrollment.Enrollment) { e.Policy = dps.PolicyHashed },
			dps.PolicyHashed, both, false},
		{"the hubs that the enrollment lists", dps.PolicyUnset, func(e *enrollment.Enrollment) { e.Hubs = []string{b.host} },
			dps.PolicyHashed, both[1:], false},
		{"in any case", dps.PolicyUnset, func(e *enrollment.Enrollment) { e.Hubs = []string{"HUB-B.azure-devices.net"} },
			dps.PolicyHashed, both[1:], false},
		{"none that is not linked any more", dps.PolicyUnset, func(e *enrollment.Enrollment) { e.Hubs = []string{"gone", a.host} },
			dps.PolicyHashed, both[:1], false},
		{"none that takes no part, though it is listed", dps.PolicyUnset, func(e *enrollment.Enrollment) { e.Hubs = []string{off.host} },
			dps.PolicyHashed, nil, true},
		{"static to the hub that is listed", dps.PolicyUnset, func(e *enrollment.Enrollment) { e.Policy, e.Hubs = dps.PolicyStatic, []string{b.host} },
			dps.PolicyStatic, both[1:], false},
		{"static to nowhere", dps.PolicyUnset, func(e *enrollment.Enrollment) { e.Policy = dps.PolicyStatic },
			dps.PolicyStatic, nil, true},
		{"the service's static to nowhere", dps.PolicyStatic, func(e *enrollment.Enrollment) {}, dps.PolicyStatic, nil, true},
		{"the older single hub without a policy", dps.PolicyUnset, func(e *enrollment.Enrollment) { e.HubHostName = b.host },
			dps.PolicyStatic, both[1:], false},
		{"the older single hub with static", dps.PolicyUnset, func(e *enrollment.Enrollment) { e.Policy, e.HubHostName = dps.PolicyStatic, b.host },
			dps.PolicyStatic, both[1:], false},
		{"a list before the older single hub", dps.PolicyUnset, func(e *enrollment.Enrollment) { e.Hubs, e.HubHostName = []string{a.host}, b.host },
			dps.PolicyHashed, both[:1], false},
		{"the older single hub is nothing to hashed", dps.PolicyUnset, func(e *enrollment.Enrollment) { e.Policy, e.HubHostName = dps.PolicyHashed, b.host },
			dps.PolicyHashed, both, false},
		{"custom has nobody to ask here", dps.PolicyUnset, func(e *enrollment.Enrollment) { e.Policy, e.Webhook = dps.PolicyCustom, new(enrollment.Webhook) },
			dps.PolicyCustom, both, true},
	} {
		t.Run(c.rule, func(t *testing.T) {
			l := open(t, func(o *provisioning.Options) { o.Policy = c.service })
			l.Link(linked)
			e := individual("dev-01")
			c.change(&e)
			l.enroll(e)
			var chosen provisioning.Choice
			l.arm(provisioning.Chosen.Plan(func(_ point.Call, c *provisioning.Choice) { chosen = *c }))
			r := l.provision(l.claim("dev-01", primaryKey))
			if chosen.Policy != c.policy || fmt.Sprint(chosen.Candidates) != fmt.Sprint(c.candidates) || len(chosen.Linked) != 3 {
				t.Errorf("%s over %v of %v", chosen.Policy, chosen.Candidates, chosen.Linked)
			}
			if c.fails {
				failedWith(t, r, 400208)
				return
			}
			want, _ := allocation.Choose(c.policy, "dev-01", c.candidates, nil)
			if r.Status != dps.StatusAssigned || r.Hub != want {
				t.Errorf("%s at %q, want %q", r.Status, r.Hub, want)
			}
		})
	}
}

func TestAHubThatIsLinkedLaterTakesDevices(t *testing.T) {
	l, a, b := open(t), newHub("hub-a"), newHub("hub-b")
	l.enroll(group("line-a"))
	l.link(a)
	for i := range 20 {
		id := fmt.Sprintf("early-%d", i)
		assignedTo(t, l.provision(l.claim(id, derived(primaryKey, id))), a, dps.SubstatusInitialAssignment)
	}
	l.link(a, b)
	for i := range 20 { // all twenty miss it once in a million
		id := fmt.Sprintf("late-%d", i)
		l.provision(l.claim(id, derived(primaryKey, id)))
	}
	if b.written() == 0 {
		t.Error("the new hub got no device")
	}
}
