package document_test

import (
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/vectors"
	"github.com/dpslab/dpslab/reference/document"
	"github.com/dpslab/dpslab/reference/registration"
)

func TestStatusesAreTheWiresWords(t *testing.T) {
	for s := dps.StatusUnassigned; s <= dps.StatusDisabled; s++ {
		if got, want := document.Status(s), vectors.All().Statuses[s.String()]; got != want || got == "" {
			t.Errorf("%s is %q, want %q", s, got, want)
		}
	}
}

func TestSubstatusesAreTheWiresWords(t *testing.T) {
	for s := dps.SubstatusInitialAssignment; s <= dps.SubstatusReprovisionedToInitialAssignment; s++ {
		got := document.StateOf(registration.Record{Status: dps.StatusAssigned, Substatus: s}).Substatus
		if want := vectors.All().Substatuses[s.String()]; got != want || got == "" {
			t.Errorf("%s is %q, want %q", s, got, want)
		}
	}
}

func TestPolicyOf(t *testing.T) {
	for word, want := range map[string]dps.Policy{
		"hashed": dps.PolicyHashed, "geoLatency": dps.PolicyGeoLatency, "static": dps.PolicyStatic, "custom": dps.PolicyCustom,
	} {
		if got, known := document.PolicyOf(word); got != want || !known {
			t.Errorf("%q is %s, %v", word, got, known)
		}
	}
	for _, word := range []string{"", "Hashed", "unset", "geolatency"} {
		if got, known := document.PolicyOf(word); known {
			t.Errorf("%q is %s", word, got)
		}
	}
}

func TestTimestamp(t *testing.T) {
	for _, c := range []struct {
		rule string
		at   time.Time
		want string
	}{
		{"seven digits, the last ones zero", time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), "2030-01-01T00:00:00.0000000Z"},
		{"seven digits, cut off", time.Date(2030, 1, 1, 0, 0, 0, 123456789, time.UTC), "2030-01-01T00:00:00.1234567Z"},
		{"in UTC", time.Date(2030, 1, 1, 1, 30, 0, 0, time.FixedZone("", 5400)), "2030-01-01T00:00:00.0000000Z"},
	} {
		if got := document.Timestamp(c.at); got != c.want {
			t.Errorf("%s: %s", c.rule, got)
		}
	}
}
