package suites_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/suites"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/onsi/ginkgo/v2/types"
	. "github.com/onsi/gomega"
)

// drillVariable makes this test binary register a few checks without a target, for
// TestRegister, which runs it as a child.
const drillVariable = "DPSLAB_DRILL"

func registerDrill() {
	pass := func(_ context.Context, _ *harness.Env, t *harness.T) { t.Expect(1).To(Equal(1)) }
	own := &harness.Requirement{
		ID: "ACME-BOOT-001", Level: "should", Statement: "The service knows our devices.", Source: "our contract, page 3", Evidence: "doc",
	}
	suites.RegisterChecks(func() *harness.Env { return &harness.Env{} }, []harness.Check{
		{Requirement: "DPS-MQTT-003", Title: "passes", Transports: harness.OverMQTT, Run: pass},
		{Requirement: "DPS-SVC-001", Title: "fails", Run: func(_ context.Context, _ *harness.Env, t *harness.T) {
			t.Expect(200).To(Equal(202))
		}},
		{Requirement: "DPS-SVC-002", Title: "breaks", Run: func(context.Context, *harness.Env, *harness.T) { panic("oh no") }},
		{Requirement: "DPS-ALLOC-005", Title: "cannot run without control", Run: pass},
		{Own: own, Title: "is of somebody else", Run: func(_ context.Context, _ *harness.Env, t *harness.T) {
			t.Expect(200).To(Equal(202))
		}},
	})
}

// drill runs the drill in a child and returns Ginkgo's own report of it.
func drill(t *testing.T, args ...string) (report types.Report, passed bool) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.json")
	child := exec.Command(os.Args[0], append([]string{"-test.run=^TestSuites$", "-ginkgo.json-report=" + file}, args...)...)
	child.Env = append(os.Environ(), drillVariable+"=1")
	out, err := child.CombinedOutput()
	text, readErr := os.ReadFile(file)
	if readErr != nil {
		t.Fatalf("%v\n%s", readErr, out)
	}
	var reports []types.Report
	if err := json.Unmarshal(text, &reports); err != nil || len(reports) != 1 {
		t.Fatalf("%v, %d reports", err, len(reports))
	}
	return reports[0], err == nil
}

func TestRegister(t *testing.T) {
	report, passed := drill(t)
	if passed {
		t.Error("the drill passed")
	}
	states := map[string]types.SpecReport{}
	for _, s := range report.SpecReports {
		if s.LeafNodeType == types.NodeTypeIt {
			states[s.LeafNodeText] = s
		}
	}
	for _, c := range []struct {
		name, container string
		state           types.SpecState
		labels          []string
		says            string
	}{
		{"DPS-MQTT-003 over mqtt: passes", "MQTT", types.SpecStatePassed, []string{"spec:DPS-MQTT-003", "family:MQTT", "level:must", "evidence:sdk", "transport:mqtt"}, ""},
		{"DPS-MQTT-003 over mqtt-ws: passes", "MQTT", types.SpecStatePassed, []string{"transport:mqtt-ws"}, ""},
		{"DPS-SVC-001: fails", "SVC", types.SpecStateFailed, []string{"spec:DPS-SVC-001"}, "FAILED DPS-SVC-001"},
		{"DPS-SVC-002: breaks", "SVC", types.SpecStateFailed, nil, "ERROR DPS-SVC-002"},
		{"DPS-ALLOC-005: cannot run without control", "ALLOC", types.SpecStateSkipped, []string{"needs:control"}, "needs control"},
		{"ACME-BOOT-001: is of somebody else", "BOOT", types.SpecStateFailed, []string{"spec:ACME-BOOT-001", "family:BOOT", "level:should"}, "our contract, page 3"},
	} {
		s, ok := states[c.name]
		if !ok || s.State != c.state || !strings.Contains(s.Failure.Message, c.says) || !slices.Equal(s.ContainerHierarchyTexts, []string{c.container}) {
			t.Errorf("%s: there %v, %s in %q: %s", c.name, ok, s.State, s.ContainerHierarchyTexts, s.Failure.Message)
		}
		for _, label := range c.labels {
			if !slices.Contains(s.LeafNodeLabels, label) {
				t.Errorf("%s has the labels %q", c.name, s.LeafNodeLabels)
			}
		}
		if s.IsSerial || s.IsInOrderedContainer {
			t.Errorf("%s is serial or ordered", c.name)
		}
		id, _, _ := strings.Cut(c.name, ":")
		if entries := s.ReportEntries; s.State == types.SpecStateFailed &&
			(len(entries) != 1 || !strings.Contains(entries[0].Value.AsJSON, `"rerun":"ginkgo --label-filter='spec:`+id+`' ./suites"`)) {
			t.Errorf("%s has the report entries %+v", c.name, entries)
		}
	}
	if len(states) != 6 {
		t.Errorf("%d specs", len(states))
	}
}

func TestLabelFiltersSelectSpecs(t *testing.T) {
	report, passed := drill(t, "-ginkgo.label-filter=spec:DPS-MQTT-003 && transport:mqtt")
	ran := 0
	for _, s := range report.SpecReports {
		if s.State == types.SpecStatePassed {
			ran++
		}
	}
	if !passed || ran != 1 {
		t.Errorf("passed %v, ran %d", passed, ran)
	}
	if _, passed := drill(t, "-ginkgo.label-filter=transport:carrier-pigeon"); passed {
		t.Error("a filter that selects nothing passed")
	}
}

func TestEveryCheckOfTheSuiteCanRun(t *testing.T) {
	if _, err := harness.Cases(suites.All()); err != nil {
		t.Error(err)
	}
}
