package provisioning_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/fairness"
	"github.com/dpslab/dpslab/internal/sas"
	"github.com/dpslab/dpslab/reference/allocation"
	"github.com/dpslab/dpslab/reference/provisioning"
)

// spread provisions devices of the group whose key is primaryKey and counts them by hub.
func (l *lab) spread(devices int, from netip.Addr) (counts map[string]int) {
	l.t.Helper()
	counts = map[string]int{}
	for i := range devices {
		id := fmt.Sprintf("device-%d", i)
		c := l.claim(id, sas.DeriveKey(primaryKey, id))
		c.Client = from
		counts[l.provision(c).Hub]++
	}
	return counts
}

// judged ends the test where devices are spread otherwise than the weights ask.
func judged(t *testing.T, counts map[string]int, weights map[string]int) {
	t.Helper()
	v, err := fairness.Judge(counts, weights)
	if err != nil || !v.Fair() {
		t.Fatalf("%v: %v, %v", counts, v, err)
	}
	t.Log(v)
}

// Section 9 item 11 of service-api.md, through the whole core.
func TestTenThousandDevicesFollowTheWeightsAndNoneGoesToAnIdleHub(t *testing.T) {
	l, a, b, idle := open(t), newHub("hub-a"), newHub("hub-b"), newHub("hub-idle")
	l.Link([]provisioning.Link{{Hub: a, Weight: 1, Applies: true}, {Hub: idle, Weight: 1000}, {Hub: b, Weight: 3, Applies: true}})
	listed := group("line-a")
	listed.Hubs = []string{a.host, idle.host, b.host}
	l.enroll(listed)
	judged(t, l.spread(10_000, netip.Addr{}), map[string]int{a.host: 1, b.host: 3})
}

func TestTenThousandDevicesThatTieFollowTheWeightsOfTheNearestHubs(t *testing.T) {
	l, a, b, far := open(t, func(o *provisioning.Options) { o.Policy = dps.PolicyGeoLatency }), newHub("hub-a"), newHub("hub-b"), newHub("hub-far")
	l.Link([]provisioning.Link{{Hub: a, Weight: 1, Applies: true}, {Hub: far, Weight: 1000, Applies: true}, {Hub: b, Weight: 3, Applies: true}})
	table, err := allocation.NewLatencies(allocation.Table{"10.0.0.0/8": {a.host: 5, b.host: 5, far.host: 6}})
	if err != nil {
		t.Fatal(err)
	}
	l.SetLatencies(table)
	l.enroll(group("line-a"))
	judged(t, l.spread(10_000, netip.MustParseAddr("10.9.8.7")), map[string]int{a.host: 1, b.host: 3})
}

func TestADeviceGoesToTheHubThatIsNearestToItsNetwork(t *testing.T) {
	l, a, b := open(t, func(o *provisioning.Options) { o.Policy = dps.PolicyGeoLatency }), newHub("hub-a"), newHub("hub-b")
	l.link(a, b)
	l.enroll(group("line-a"))
	table := func(networks allocation.Table) {
		t.Helper()
		read, err := allocation.NewLatencies(networks)
		if err != nil {
			t.Fatal(err)
		}
		l.SetLatencies(read)
	}
	register := func(id, from string) string {
		c := l.claim(id, sas.DeriveKey(primaryKey, id))
		c.Client = netip.MustParseAddr(from)
		return l.provision(c).Hub
	}
	table(allocation.Table{"10.0.0.0/8": {a.host: 5, b.host: 50}, "10.1.0.0/16": {a.host: 50, b.host: 5}})
	for from, want := range map[string]*hub{"10.0.0.1": a, "10.1.0.1": b} {
		for i := range 20 {
			if got := register(fmt.Sprintf("dev-%s-%d", from, i), from); got != want.host {
				t.Fatalf("from %s to %s", from, got)
			}
		}
	}
	was := register("dev-01", "10.0.0.1")
	table(allocation.Table{"10.0.0.0/8": {a.host: 50, b.host: 5}})
	if is := register("dev-01", "10.0.0.1"); was != a.host || is != b.host {
		t.Errorf("from %s to %s, when the latencies changed", was, is)
	}
	table(nil)
	if got := register("dev-02", "10.0.0.1"); got != allocation.Hashed("dev-02", []allocation.Candidate{{Host: a.host, Weight: 1}, {Host: b.host, Weight: 1}}) {
		t.Errorf("without latencies to %s", got)
	}
}
