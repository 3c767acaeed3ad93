package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/internal/dps"
)

func TestADefectActsOnEveryDeviceUntilItIsDisarmed(t *testing.T) {
	t.Parallel()
	s := newSeam(t)
	handle, err := s.control.ArmService(t.Context(), s.name, controlapi.Plan{Entry: "https-register-200"})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"dev-01", "dev-02"} {
		if answer := s.register(t, id); answer.Code != 200 {
			t.Errorf("%s: %v", id, answer)
		}
	}
	armed, err := s.control.ServicePoints(t.Context(), s.name)
	if err != nil || len(armed) != 1 || armed[0].Handle != handle || armed[0].Fired != 2 {
		t.Errorf("%v %+v", err, armed)
	}
	if err := s.control.DisarmService(t.Context(), s.name, handle); err != nil {
		t.Fatal(err)
	}
	if answer := s.register(t, "dev-01"); answer.Code != 202 {
		t.Errorf("disarmed: %v", answer)
	}
}

func TestAFaultActsOnOneDeviceAtOneStep(t *testing.T) {
	t.Parallel()
	s := newSeam(t)
	if _, err := s.control.ArmService(t.Context(), s.name, controlapi.Plan{
		Entry: "https-register-200", Address: controlapi.Address{Registration: "DEV-02", Step: "register", Nth: 2},
	}); err != nil {
		t.Fatal(err)
	}
	var got []int
	for range 3 {
		for _, id := range []string{"dev-01", "dev-02"} {
			got = append(got, s.register(t, id).Code)
			s.provision(t, dps.MQTT, id) // other steps in between
		}
	}
	if want := []int{202, 202, 202, 200, 202, 202}; !slices.Equal(got, want) {
		t.Errorf("answers to dev-01 and dev-02 in turn: %v, want %v", got, want)
	}
}

func TestWhatIsArmedNeedsAnEntryOfTheCatalogue(t *testing.T) {
	t.Parallel()
	s := newSeam(t)
	for _, plan := range []controlapi.Plan{
		{Entry: "no-such-defect"}, {Entry: "https-register-200", Args: map[string]string{"code": "1"}},
		{Entry: "https-register-200", Address: controlapi.Address{Nth: -1}},
	} {
		if handle, err := s.control.ArmService(t.Context(), s.name, plan); err == nil || !strings.Contains(err.Error(), "400") {
			t.Errorf("%+v: %q %v", plan, handle, err)
		}
	}
	if armed, err := s.control.ServicePoints(t.Context(), s.name); err != nil || len(armed) != 0 {
		t.Errorf("%v %+v", err, armed)
	}
}
