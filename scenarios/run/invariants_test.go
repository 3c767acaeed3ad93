package run

import (
	"testing"

	"github.com/dpslab/dpslab/simulator/fleet"
)

func TestEachInvariantIsBrokenByWhatBreaksIt(t *testing.T) {
	t.Parallel()
	sound := fleet.Event{Device: 1, OperationID: "op-1", RegistrationID: "dev-1", Hub: "hub-1", DeviceID: "dev-1"}
	record := map[string]any{"status": "assigned", "assignedHub": "hub-1", "deviceId": "dev-1"}
	for name, do := range map[string]func(v *invariants){
		"":                            func(v *invariants) { v.heard("dev-1", sound) },
		"operation ids unique":        func(v *invariants) { e := sound; e.Device = 2; v.heard("dev-1", e) },
		"no answer meant for another": func(v *invariants) { v.heard("dev-2", fleet.Event{Device: 2, RegistrationID: "dev-1"}) },
		"hub among the candidates": func(v *invariants) {
			v.heard("dev-3", fleet.Event{Device: 3, RegistrationID: "dev-3", Hub: "hub-9", DeviceID: "dev-3"})
		},
		"one device, one hub": func(v *invariants) { e := sound; e.Hub = "hub-2"; v.heard("dev-1", e) },
		"record as the device saw it": func(v *invariants) {
			v.seen(place{"dev-1", "hub-2", "dev-1"}, 200, record)
			v.seen(place{"dev-1", "hub-1", "dev-2"}, 200, record)
			v.seen(place{"dev-1", "hub-1", "dev-1"}, 404, nil)
			v.seen(place{"dev-1", "hub-1", "dev-1"}, 200, map[string]any{"status": "failed", "assignedHub": "hub-1", "deviceId": "dev-1"})
		},
	} {
		v := newInvariants([]string{"hub-1", "hub-2"})
		v.heard("dev-1", sound)
		v.seen(place{"dev-1", "hub-1", "dev-1"}, 200, record)
		do(v)
		want := map[bool]int{true: 1}
		if name == v.record.Name {
			want[true] = 4
		}
		for _, i := range v.all() {
			if i.Checked == 0 || i.Broken != want[i.Name == name] || len(i.Examples) != i.Broken {
				t.Errorf("%q: %s: %+v", name, i.Name, i)
			}
		}
	}
}
