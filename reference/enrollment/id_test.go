package enrollment_test

import (
	"strings"
	"testing"

	"github.com/dpslab/dpslab/reference/enrollment"
)

func TestIDs(t *testing.T) {
	for _, c := range []struct {
		rule, id string
		valid    bool
	}{
		{"one character", "a", true},
		{"128 characters", strings.Repeat("a", 128), true},
		{"none", "", false},
		{"129 characters", strings.Repeat("a", 129), false},
		{"letters in either case, digits and marks", "Sn-007.a_B:c9", true},
		{"a hyphen at the end", "dev-", true},
		{"a hyphen alone", "-", true},
		{"a dot at the end", "dev.", false},
		{"an underscore at the end", "dev_", false},
		{"a colon at the end", "dev:", false},
		{"a mark at the beginning", ".dev", true},
		{"a space", "dev 1", false},
		{"a slash", "dev/1", false},
		{"a percent sign", "dev%2F1", false},
		{"a letter beyond ASCII", "gerät", false},
		{"a line feed at the end", "dev\n", false},
		{"a NUL", "dev\x001", false},
	} {
		if got := enrollment.ValidID(c.id); got != c.valid {
			t.Errorf("%s: ValidID(%q) is %v", c.rule, c.id, got)
		}
	}
}

func TestHubDeviceID(t *testing.T) {
	for _, c := range []struct {
		rule string
		e    enrollment.Enrollment
		want string
	}{
		{"the registration id", enrollment.Enrollment{Kind: enrollment.Individual}, "dev-01"},
		{"what the individual enrollment says", enrollment.Enrollment{Kind: enrollment.Individual, DeviceID: "pump"}, "pump"},
		{"in a group the registration id always", enrollment.Enrollment{Kind: enrollment.Group, DeviceID: "pump"}, "dev-01"},
	} {
		if got := c.e.HubDeviceID("dev-01"); got != c.want {
			t.Errorf("%s: %q", c.rule, got)
		}
	}
}
