package allocation_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/fairness"
	"github.com/dpslab/dpslab/reference/allocation"
)

// hubs are named a, b, c, … and have the weights given.
func hubs(weights ...int) []allocation.Candidate {
	var list []allocation.Candidate
	for i, w := range weights {
		list = append(list, allocation.Candidate{Host: fmt.Sprintf("hub-%c.azure-devices.net", 'a'+i), Weight: w})
	}
	return list
}

func device(i int) string { return fmt.Sprintf("device-%d", i) }

// What a device is assigned to outlives the process, so the hash is pinned. The values
// were worked out from the formula by another program.
func TestGoldenAssignments(t *testing.T) {
	for id, want := range map[string]string{
		"dev-01": "hub-c", "dev-02": "hub-c", "dev-03": "hub-a", "pump-1": "hub-c", "PUMP-1": "hub-c",
		"sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6": "hub-a", "a": "hub-c",
	} {
		if got := allocation.Hashed(id, hubs(1, 1, 2)); got != want+".azure-devices.net" {
			t.Errorf("%s goes to %s, not to %s", id, got, want)
		}
	}
}

func TestNeitherOrderNorCaseMatters(t *testing.T) {
	for i := range 200 {
		candidates := hubs(1, 2, 3)
		want := allocation.Hashed(device(i), candidates)
		slices.Reverse(candidates)
		if got := allocation.Hashed(strings.ToUpper(device(i)), candidates); got != want {
			t.Errorf("%s: %s, and %s in another order and case", device(i), want, got)
		}
		for j := range candidates {
			candidates[j].Host = strings.ToUpper(candidates[j].Host)
		}
		if got := allocation.Hashed(device(i), candidates); !strings.EqualFold(got, want) {
			t.Errorf("%s: %s, and %s where hubs are in upper case", device(i), want, got)
		}
	}
}

func TestAHubThatLeavesMovesItsOwnDevicesOnly(t *testing.T) {
	before := hubs(1, 2, 3, 1)
	gone := before[2].Host
	after := slices.DeleteFunc(slices.Clone(before), func(c allocation.Candidate) bool { return c.Host == gone })
	moved, kept := 0, 0
	for i := range 2000 {
		was, is := allocation.Hashed(device(i), before), allocation.Hashed(device(i), after)
		switch {
		case was == gone:
			moved++
		case was != is:
			t.Errorf("%s moved from %s, which stayed, to %s", device(i), was, is)
		default:
			kept++
		}
	}
	if moved == 0 || kept == 0 {
		t.Errorf("%d moved, %d kept", moved, kept)
	}
}

func TestAHubThatJoinsTakesDevicesButMovesNoneBetweenOthers(t *testing.T) {
	before, after := hubs(1, 2), hubs(1, 2, 1)
	for i := range 2000 {
		was, is := allocation.Hashed(device(i), before), allocation.Hashed(device(i), after)
		if was != is && is != after[2].Host {
			t.Errorf("%s moved from %s to %s", device(i), was, is)
		}
	}
}

// A heavier hub draws devices to itself and moves none between the others.
func TestAWeightThatGrowsOnlyAttracts(t *testing.T) {
	before, after := hubs(1, 1, 1), hubs(1, 5, 1)
	for i := range 2000 {
		was, is := allocation.Hashed(device(i), before), allocation.Hashed(device(i), after)
		if was != is && is != after[1].Host {
			t.Errorf("%s moved from %s to %s", device(i), was, is)
		}
	}
}

// The shares follow the weights. The hash and the ids are fixed, so the test cannot pass
// now and fail then.
func TestSharesFollowWeights(t *testing.T) {
	for _, weights := range [][]int{{1, 1, 1, 1}, {1, 3}, {1, 2, 3, 4}, {1, 1, 1, 97}, {100, 100, 50, 1}, {1, 6}} {
		candidates, asked, got := hubs(weights...), map[string]int{}, map[string]int{}
		for _, c := range candidates {
			asked[c.Host] = c.Weight
		}
		for i := range 20_000 {
			got[allocation.Hashed(device(i), candidates)]++
		}
		v, err := fairness.Judge(got, asked)
		if err != nil || !v.Fair() {
			t.Errorf("weights %v: %v: %v, %v", weights, got, v, err)
		}
		t.Logf("weights %v: %v", weights, v)
	}
}
