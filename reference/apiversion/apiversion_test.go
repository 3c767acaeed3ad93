package apiversion_test

import (
	"testing"

	"github.com/dpslab/dpslab/reference/apiversion"
)

func TestVersions(t *testing.T) {
	for _, c := range []struct {
		version                 string
		device, service, sticky bool
	}{
		{"2017-08-31-preview", true, true, true},
		{"2018-04-01", true, true, true},
		{"2018-09-01-preview", true, true, false},
		{"2019-03-31", true, true, false},
		{"2021-10-01", true, true, false},
		{"2025-07-01-preview", true, true, false},
		{"2026-04-01", false, true, false},
		{"2026-11-02-preview", true, false, false},
		{"2026-11-15-preview", false, false, false},
		{"2019-03-31x", false, false, false},
		{"2019-3-31", false, false, false},
		{" 2019-03-31", false, false, false},
		{"", false, false, false},
	} {
		if got := apiversion.Device(c.version); got != c.device {
			t.Errorf("%q: the device API says %v", c.version, got)
		}
		if got := apiversion.Service(c.version); got != c.service {
			t.Errorf("%q: the service API says %v", c.version, got)
		}
		if got := apiversion.Sticky(c.version); got != c.sticky && c.device {
			t.Errorf("%q: sticky is %v", c.version, got)
		}
	}
}
