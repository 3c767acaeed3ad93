package lab_test

import (
	"slices"
	"testing"

	"github.com/dpslab/dpslab/internal/lab"
)

// Labs of one state folder are one lab: each process knows the others' names and keys.
func TestAStatesHubsAreTheSameWhoeverServesThem(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	o := lab.Options{State: state, AutoPorts: true, ServerKey: lab.P256}
	all := o
	all.Reference, all.Fakehub, all.Hubs = true, true, 3
	whole := begin(t, all)
	for i, hub := range whole.Hubs.Hubs() {
		alone := o
		alone.Fakehub, alone.OnlyHub = true, i+1
		got := begin(t, alone).Hubs.Hubs()
		if len(got) != 1 || got[0].ConnectionString() != hub.ConnectionString() {
			t.Errorf("hub %d alone is not the one among others: %d hubs, the first is %s", i+1, len(got), got[0].Host())
		}
	}
	parted := o
	parted.Reference, parted.Linked = true, []lab.LinkedHub{{Number: 1}, {Number: 2, Address: "127.0.0.1:1"}, {Number: 3}}
	service := begin(t, parted).Service
	if !slices.Equal(service.LinkedHubs(), whole.Service.LinkedHubs()) {
		t.Errorf("linked by number: %q, want %q", service.LinkedHubs(), whole.Service.LinkedHubs())
	}
}
