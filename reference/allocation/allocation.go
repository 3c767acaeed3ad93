// Package allocation chooses the linked hub that a device is assigned to (service-api.md
// 4.2 to 4.5). A policy is a pure function of the registration id, the candidates and how
// far they are from the device.
package allocation

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"strings"

	"github.com/dpslab/dpslab/internal/dps"
)

// Candidate is a linked hub that a device may be assigned to.
type Candidate struct {
	Host   string
	Weight int // 1 to 1000
}

// Choose returns the hub that the policy gives the device, and false when there is none.
func Choose(p dps.Policy, registrationID string, candidates []Candidate, d Distances) (host string, ok bool) {
	if len(candidates) == 0 {
		return "", false
	}
	switch p {
	case dps.PolicyStatic: // [DPS-ALLOC-012]
		return candidates[0].Host, true
	case dps.PolicyHashed:
		return Hashed(registrationID, candidates), true
	case dps.PolicyGeoLatency: // [DPS-ALLOC-043] ties are hashed [DPS-ALLOC-044] [DPS-ALLOC-063]
		return Hashed(registrationID, Nearest(candidates, d)), true
	}
	return "", false
}

// Hashed is weighted rendezvous hashing: a device keeps its hub while the hub is a
// candidate, a hub that leaves moves only its own devices, one that joins moves devices to
// itself alone, and each hub gets its share by weight. The service's own
// algorithm is not published (service-api.md 4.3, inferred). [DPS-ALLOC-009] [DPS-ALLOC-051]
func Hashed(registrationID string, candidates []Candidate) string {
	best, bestScore := "", math.Inf(-1)
	for _, c := range candidates {
		if score := score(registrationID, c); score > bestScore {
			best, bestScore = c.Host, score
		}
	}
	return best
}

// score is -weight / ln(u) with u uniform in (0, 1) for each pair of device and hub.
func score(registrationID string, c Candidate) float64 {
	sum := sha256.Sum256([]byte(strings.ToLower(registrationID) + "\x00" + strings.ToLower(c.Host)))
	u := (float64(binary.BigEndian.Uint64(sum[:8])>>11) + 0.5) / (1 << 53)
	return -float64(c.Weight) / math.Log(u)
}
