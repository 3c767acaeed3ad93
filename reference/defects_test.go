package reference_test

import (
	"regexp"
	"testing"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/requirement"
	"github.com/dpslab/dpslab/reference"
)

var defectID = regexp.MustCompile(`^[a-z0-9.]+(-[a-z0-9.]+)*$`)

func TestEveryDefectIsInOrder(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range reference.Defects {
		t.Run(d.ID, func(t *testing.T) {
			if !defectID.MatchString(d.ID) || seen[d.ID] {
				t.Errorf("the id %q is not one, or stands there twice", d.ID)
			}
			seen[d.ID] = true
			if d.Summary == "" {
				t.Error("it does not say what it does")
			}
			if len(d.Catches) == 0 {
				t.Error("it names no requirement whose check must see it")
			}
			for i, id := range d.Catches {
				if _, known := requirement.Find(id); !known {
					t.Errorf("there is no requirement %s", id)
				}
				for _, other := range d.Catches[:i] {
					if id == other {
						t.Errorf("it names %s twice", id)
					}
				}
			}
			if plans, err := d.Build(nil); err != nil || len(plans) == 0 {
				t.Errorf("it builds %d plans, %v", len(plans), err)
			}
			set := point.NewSet(clock.System())
			handle, err := set.Arm(d, point.Address{}, nil)
			if err != nil || !set.Disarm(handle) {
				t.Errorf("it cannot be armed and disarmed: %v", err)
			}
			if found, ok := reference.Defects.Find(d.ID); !ok || found.Summary != d.Summary {
				t.Error("Find does not find it")
			}
		})
	}
}
