package fakehub_test

import (
	"strings"
	"testing"

	"github.com/dpslab/dpslab/fakehub"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/requirement"
)

// probes do for each defect what a check would do, and return what they saw. Arming the
// defect must change that.
var probes = []map[string]func(h *hub) string{connectionProbes, messageProbes, amqpProbes, serviceProbes}

func probeOf(defect string) func(h *hub) string {
	for _, some := range probes {
		if p := some[defect]; p != nil {
			return p
		}
	}
	return nil
}

func TestEveryDefectShows(t *testing.T) {
	for _, entry := range fakehub.Defects {
		t.Run(entry.ID, func(t *testing.T) {
			probe := probeOf(entry.ID)
			if probe == nil {
				t.Fatal("no probe knows this defect")
			}
			l := newLab(t)
			saw := func(defective bool) string {
				h := l.hub(fakehub.HubSpec{})
				h.enroll("d1")
				h.enroll("d2")
				if defective {
					if _, err := h.Points().Arm(entry, point.Address{}, nil); err != nil {
						t.Fatal(err)
					}
				}
				return probe(h)
			}
			right, wrong := saw(false), saw(true)
			if right == wrong {
				t.Errorf("with and without it a client sees %s", right)
			}
		})
	}
}

func TestDefectsNameRequirementsOfTheHub(t *testing.T) {
	seen := map[string]bool{}
	for _, entry := range fakehub.Defects {
		if seen[entry.ID] || !strings.HasPrefix(entry.ID, "hub-") || entry.Summary == "" || len(entry.Catches) == 0 {
			t.Errorf("entry %+v", entry)
		}
		seen[entry.ID] = true
		for _, id := range entry.Catches {
			if _, known := requirement.Find(id); !known || !strings.HasPrefix(id, "DPS-HUB-") {
				t.Errorf("%s names %s, which the catalogue does not have", entry.ID, id)
			}
		}
	}
}
