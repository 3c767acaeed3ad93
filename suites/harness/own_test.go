package harness_test

import (
	"context"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/suites/harness"
)

// acme is a requirement that the catalogue does not have.
func acme() *harness.Requirement {
	return &harness.Requirement{
		ID: "ACME-BOOT-001", Level: "must", Statement: "The service knows our devices.", Source: "our contract, page 3", Evidence: "doc",
		Transports: []string{"https"},
	}
}

func TestOwnRequirements(t *testing.T) {
	f := func(context.Context, *harness.Env, *harness.T) {}
	for _, c := range []struct {
		rule   string
		checks []harness.Check
		says   string // "" when they are taken
	}{
		{"one", []harness.Check{{Own: acme(), Title: "x", Run: f}}, ""},
		{"one that is named as well", []harness.Check{{Requirement: "ACME-BOOT-001", Own: acme(), Title: "x", Run: f}}, ""},
		{"two checks of the same", []harness.Check{{Own: acme(), Title: "x", Run: f}, {Own: acme(), Title: "y", Run: f}}, ""},
		{"an id without a clause", []harness.Check{{Requirement: "ACME-BOOT-001", Title: "x", Run: f}}, "not in the catalogue"},
		{"named otherwise", []harness.Check{{Requirement: "ACME-BOOT-002", Own: acme(), Title: "x", Run: f}}, "ACME-BOOT-002"},
		{"an id of the catalogue", []harness.Check{{Own: &harness.Requirement{ID: "DPS-MQTT-003"}, Title: "x", Run: f}}, "catalogue's own"},
		{"two requirements under one id", []harness.Check{
			{Own: acme(), Title: "x", Run: f},
			{Own: func() *harness.Requirement { r := acme(); r.Level = "may"; return r }(), Title: "y", Run: f},
		}, "two requirements"},
		{"the same run twice", []harness.Check{{Own: acme(), Title: "x", Run: f}, {Own: acme(), Title: "x", Run: f}}, "twice"},
		{"a transport that it is not about", []harness.Check{{Own: acme(), Title: "x", Transports: harness.OverMQTT, Run: f}}, "runs over mqtt"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			cases, err := harness.Cases(c.checks)
			if c.says == "" {
				if err != nil || len(cases) != len(c.checks) || cases[0].Requirement != "ACME-BOOT-001" || cases[0].Clause.Source != acme().Source {
					t.Errorf("%v, %+v", err, cases)
				}
				if got := cases[0].Reported(); !got.Own || got.Statement != acme().Statement {
					t.Errorf("reported as %+v", got)
				}
			} else if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}
