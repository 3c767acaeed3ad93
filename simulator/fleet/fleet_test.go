package fleet_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/simulator/fleet"
	"github.com/dpslab/dpslab/simulator/identity"
)

func share(weight int, a fleet.Attestation, b fleet.Behaviour) fleet.Share {
	return fleet.Share{Weight: weight, Attestation: a, Transport: dps.HTTPS, Behaviour: b}
}

func spec(size int, mix ...fleet.Share) fleet.Spec {
	return fleet.Spec{Identities: &identity.Fleet{Seed: "s", Scope: "0ne00000001", Prefix: "f"}, Size: size, Mix: mix}
}

func begin(t *testing.T, s fleet.Spec) *fleet.Fleet {
	t.Helper()
	f, err := fleet.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestAnyStretchOfDevicesIsMixedByWeight(t *testing.T) {
	t.Parallel()
	f := begin(t, spec(10_000, share(60, fleet.SymmetricGroup, fleet.Behaviour{}),
		share(30, fleet.X509Group, fleet.Behaviour{}), share(10, fleet.SymmetricIndividual, fleet.Behaviour{})))
	for _, first := range []int{0, 7, 4321} {
		for _, n := range []int{10, 1000} {
			var counts [3]int
			for i := first; i < first+n; i++ {
				counts[f.Share(i)]++
			}
			for i, want := range []float64{0.6, 0.3, 0.1} {
				if math.Abs(float64(counts[i])-want*float64(n)) > 1 {
					t.Errorf("of %d devices from %d on, %d in share %d", n, first, counts[i], i)
				}
			}
		}
	}
}

func TestFiveDevicesOfFiveSharesAreOneOfEach(t *testing.T) {
	t.Parallel()
	var mix []fleet.Share
	for range 5 {
		mix = append(mix, share(3, fleet.SymmetricGroup, fleet.Behaviour{}))
	}
	f, seen := begin(t, spec(5, mix...)), map[int]bool{}
	for i := range 5 {
		seen[f.Share(i)] = true
	}
	if len(seen) != 5 {
		t.Errorf("shares %v", seen)
	}
}

func TestPauses(t *testing.T) {
	t.Parallel()
	r := fleet.Retry{Initial: time.Second, Factor: 2, Cap: time.Minute, Jitter: 0.5}
	for _, c := range []struct {
		n      int
		random float64
		want   time.Duration
	}{{1, 0, time.Second}, {3, 0, 4 * time.Second}, {3, 1, 2 * time.Second}, {10, 0, time.Minute}, {5000, 0, time.Minute}} {
		if got := r.Pause(c.n, c.random); got != c.want {
			t.Errorf("try %d, chance %g: %s, want %s", c.n, c.random, got, c.want)
		}
	}
	if got := (fleet.Retry{Initial: time.Second, Factor: 2}).Pause(5000, 0); got <= 0 {
		t.Errorf("an endless pause is %s", got)
	}
}

func TestWhatNoFleetCanBeMadeOf(t *testing.T) {
	t.Parallel()
	good := share(1, fleet.SymmetricGroup, fleet.Behaviour{})
	with := func(change func(*fleet.Share)) fleet.Share { s := good; change(&s); return s }
	for word, s := range map[string]fleet.Spec{
		"identities":   {Size: 1, Mix: []fleet.Share{good}},
		"1 to 999999":  spec(0, good),
		"a mix":        spec(1),
		"weight 0":     spec(1, with(func(s *fleet.Share) { s.Weight = 0 })),
		"no transport": spec(1, with(func(s *fleet.Share) { s.Transport = dps.TransportNone })),
		"its hub":      spec(1, with(func(s *fleet.Share) { s.HubTransport = dps.HTTPS })),
		"challenge":    spec(1, with(func(s *fleet.Share) { s.Attestation, s.Transport = fleet.TPM, dps.MQTT })),
		"not stay":     spec(1, with(func(s *fleet.Share) { s.Behaviour.Reboot = time.Second })),
		"interval":     spec(1, with(func(s *fleet.Share) { s.Behaviour.Telemetry = fleet.Telemetry{Count: 1, Poisson: true} })),
		"bytes":        spec(1, with(func(s *fleet.Share) { s.Behaviour.Telemetry.MaxSize = 1 << 20 })),
		"jitter":       func() fleet.Spec { s := spec(1, good); s.Retry.Jitter = 2; return s }(),
		"factor":       func() fleet.Spec { s := spec(1, good); s.Retry.Factor = 0.5; return s }(),
	} {
		if _, err := fleet.New(s); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", word, err)
		}
	}
}
