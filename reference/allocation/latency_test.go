package allocation_test

import (
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/reference/allocation"
)

const hubA, hubB, hubC = "hub-a.azure-devices.net", "hub-b.azure-devices.net", "hub-c.azure-devices.net"

func latencies(t *testing.T, table allocation.Table) *allocation.Latencies {
	t.Helper()
	l, err := allocation.NewLatencies(table)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestTheLongestPrefixCounts(t *testing.T) {
	l := latencies(t, allocation.Table{
		"0.0.0.0/0": {hubA: 1}, "10.0.0.0/8": {hubA: 2}, "10.1.2.3/16": {hubA: 3}, "10.1.2.9/32": {hubA: 4},
		"fd00::/8": {hubA: 5}, "fd00:1::/32": {hubA: 6}, "2001:db8::/128": {hubA: 7},
	})
	for client, want := range map[string]float64{
		"192.0.2.1": 1, "10.2.0.1": 2, "10.1.0.0": 3, "10.1.255.255": 3, "10.1.2.9": 4, "::ffff:10.1.2.9": 4,
		"fd12::1": 5, "fd00:1::1": 6, "fd00:1::1%eth0": 6, "2001:db8::": 7, "2001:db8::1": 0, "::": 0,
	} {
		got, known := l.From(netip.MustParseAddr(client))[hubA]
		if got != want || known != (want != 0) {
			t.Errorf("%s: %v, %v, want %v", client, got, known, want)
		}
	}
	if d := l.From(netip.Addr{}); d != nil {
		t.Errorf("a client without an address: %v", d)
	}
	if d := (*allocation.Latencies)(nil).From(netip.MustParseAddr("10.0.0.1")); d != nil {
		t.Errorf("without a table: %v", d)
	}
}

func TestWhatIsNoTable(t *testing.T) {
	for rule, c := range map[string]struct {
		table allocation.Table
		says  string
	}{
		"no network":            {allocation.Table{"10.0.0.0": {}}, "10.0.0.0/8"},
		"a mapped address":      {allocation.Table{"::ffff:10.0.0.0/104": {}}, "10.0.0.0/8"},
		"a network twice":       {allocation.Table{"10.0.0.1/8": {}, "10.0.0.2/8": {}}, "10.0.0.0/8 is there twice"},
		"less than nothing":     {allocation.Table{"10.0.0.0/8": {hubA: -1}}, "0 or more"},
		"no number":             {allocation.Table{"10.0.0.0/8": {hubA: math.NaN()}}, "0 or more"},
		"for ever and a moment": {allocation.Table{"10.0.0.0/8": {hubA: math.Inf(1)}}, "0 or more"},
	} {
		if _, err := allocation.NewLatencies(c.table); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", rule, err)
		}
	}
}

func TestATableIsShownAsItIsUsed(t *testing.T) {
	l := latencies(t, allocation.Table{"10.1.2.3/8": {"HUB-A.azure-devices.net": 1.5}, "fd00::1/8": {}})
	want := allocation.Table{"10.0.0.0/8": {hubA: 1.5}, "fd00::/8": {}}
	if got := l.Table(); !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	if got := (*allocation.Latencies)(nil).Table(); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

func TestTheNearestCandidates(t *testing.T) {
	all := hubs(1, 2, 3)
	for rule, c := range map[string]struct {
		distances allocation.Distances
		want      []allocation.Candidate
	}{
		"one is nearest":                    {allocation.Distances{hubA: 9, hubB: 3, hubC: 4}, all[1:2]},
		"two tie":                           {allocation.Distances{hubA: 3, hubB: 9, hubC: 3}, []allocation.Candidate{all[0], all[2]}},
		"two tie behind a third":            {allocation.Distances{hubA: 9, hubB: 9, hubC: 3}, all[2:]},
		"what is not known is farther":      {allocation.Distances{hubC: 400}, all[2:]},
		"nothing is known":                  {nil, all},
		"only of one that is no candidate":  {allocation.Distances{"hub-z.azure-devices.net": 1}, all},
		"one that is no candidate is first": {allocation.Distances{"hub-z.azure-devices.net": 1, hubB: 2, hubA: 3}, all[1:2]},
		"nothing in between":                {allocation.Distances{hubB: 0, hubA: 1}, all[1:2]},
	} {
		if got := allocation.Nearest(all, c.distances); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v", rule, got)
		}
	}
	upper := []allocation.Candidate{{Host: strings.ToUpper(hubA), Weight: 1}, {Host: hubB, Weight: 1}}
	if got := allocation.Nearest(upper, allocation.Distances{hubA: 1, hubB: 2}); !reflect.DeepEqual(got, upper[:1]) {
		t.Errorf("in upper case: %v", got)
	}
}

// Ties go where hashed would send the device if there were no other hubs.
func TestTiesAreHashedByWeight(t *testing.T) {
	all := hubs(1, 3, 5)
	near := allocation.Distances{hubA: 7, hubB: 7, hubC: 8}
	for i := range 500 {
		got, ok := allocation.Choose(dps.PolicyGeoLatency, device(i), all, near)
		if want := allocation.Hashed(device(i), all[:2]); !ok || got != want {
			t.Errorf("%s goes to %s, not to %s", device(i), got, want)
		}
	}
	if host, ok := allocation.Choose(dps.PolicyGeoLatency, device(1), nil, near); ok {
		t.Errorf("over none: %s", host)
	}
	if host, _ := allocation.Choose(dps.PolicyHashed, device(1), all, allocation.Distances{hubC: 1}); host != allocation.Hashed(device(1), all) {
		t.Error("hashed looks at latencies")
	}
}
