package requirement_test

import (
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/requirement"
)

func TestCheckOwn(t *testing.T) {
	good := requirement.Requirement{
		ID: "ACME-BOOT-001", Level: requirement.Must, Statement: "The service knows our devices.",
		Source: "our contract, page 3", Evidence: "doc", Transports: []string{"https"},
	}
	if err := good.CheckOwn(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		rule   string
		change func(r *requirement.Requirement)
		says   string
	}{
		{"an id of the catalogue's", func(r *requirement.Requirement) { r.ID = "DPS-MQTT-003" }, "another word"},
		{"an id that the catalogue may once have", func(r *requirement.Requirement) { r.ID = "HUB-TWIN-999" }, "another word"},
		{"an id of another shape", func(r *requirement.Requirement) { r.ID = "acme-1" }, `"acme-1" is not an id such as ACME-BOOT-001`},
		{"an id too long for names made of it", func(r *requirement.Requirement) { r.ID = "ACME-" + strings.Repeat("X", 17) + "-001" }, "not an id"},
		{"an unknown level", func(r *requirement.Requirement) { r.Level = "shall" }, `ACME-BOOT-001: level "shall"`},
		{"an unknown evidence", func(r *requirement.Requirement) { r.Evidence = "hearsay" }, "hearsay"},
		{"two sentences", func(r *requirement.Requirement) { r.Statement = "It answers. It polls." }, "one sentence"},
		{"no source", func(r *requirement.Requirement) { r.Source = " " }, "source is missing"},
		{"an unknown transport", func(r *requirement.Requirement) { r.Transports = []string{"carrier pigeon"} }, "carrier pigeon"},
		{"an unknown need", func(r *requirement.Requirement) { r.Needs = []string{"luck"} }, "luck"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			bad := good
			c.change(&bad)
			if err := bad.CheckOwn(); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}
