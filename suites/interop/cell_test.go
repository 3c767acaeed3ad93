package interop_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// attestations are the ways to enroll a device. Each is a cell of every transport.
var attestations = []string{"symmetric-individual", "symmetric-group", "x509-individual", "x509-group"}

// cellSteps are the steps of every witness's program cell.
var cellSteps = []string{
	"enroll", "register", "registration", "identity", "initial twin",
	"connect", "telemetry", "twin", "report", "desired", "method", "disconnect", "remove",
}

// moveSteps are the steps of every witness's program move.
var moveSteps = []string{
	"enroll", "register", "work", "move", "register again", "twin", "work again", "the other hub", "remove",
}

// testWitness has a subtest for every cell and every refusal, such as
// TestNode/mqtt-ws/x509-group and TestPython/mqtt/wrong-key. They run beside those of the
// other witness: most of their time they wait.
func testWitness(t *testing.T, w witness, refusals []refusal) {
	begin(t)
	t.Run("sealed", sealed)
	for _, transport := range w.transports {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			for _, attestation := range attestations {
				t.Run(attestation, func(t *testing.T) {
					t.Parallel()
					w.cell(t, transport, attestation)
				})
			}
			if slices.Contains(w.tpm, transport) {
				t.Run("tpm", func(t *testing.T) {
					t.Parallel()
					w.cell(t, transport, "tpm")
				})
			}
			for _, r := range refusals {
				t.Run(r.reason, func(t *testing.T) {
					t.Parallel()
					w.refusal(t, transport, r)
				})
			}
			t.Run("throttled", func(t *testing.T) {
				t.Parallel()
				w.throttled(t, transport)
			})
			if strings.HasSuffix(transport, "-ws") {
				return // a WebSocket adds nothing to a move
			}
			for _, policy := range []string{"migrate", "reset", "never"} {
				t.Run("move-"+policy, func(t *testing.T) {
					t.Parallel()
					id := newIdentity(t, "move-"+w.folder+"-"+transport+"-"+policy, "symmetric-individual")
					w.run(t, "move", []string{transport, policy}, id, moveSteps)
				})
			}
		})
	}
}

// begin is the begin of every test that needs the lab: there is one, or the test says why not.
func begin(t *testing.T) {
	t.Helper()
	switch {
	case skipReason != "":
		t.Skip(skipReason)
	case unready != nil:
		t.Fatal(unready)
	}
	t.Parallel()
}

func (w witness) cell(t *testing.T, transport, attestation string) {
	id := newIdentity(t, "cell-"+w.folder+"-"+transport+"-"+attestation, attestation)
	saw := w.run(t, "cell", []string{transport, attestation}, id, cellSteps)
	var assigned struct{ AssignedHub, DeviceID string }
	if err := json.Unmarshal(saw["register"], &assigned); err != nil {
		t.Fatal(err)
	}
	sent := telemetry(t, assigned.AssignedHub, assigned.DeviceID)
	if len(sent) != 1 {
		t.Fatalf("the hub has %d messages of the device instead of one", len(sent))
	}
	line := sent[0].Properties["line"]
	if string(sent[0].Body) != `{"celsius":21}` || line == nil || *line != "a b" || sent[0].SystemProperties["content-type"] != "application/json" {
		t.Errorf("the message arrived as %q with %v and %v", sent[0].Body, sent[0].Properties, sent[0].SystemProperties)
	}
}

// refusal is a reason for which the service refuses a device (the witness's program
// refusal), and what the SDK makes of the refusal.
type refusal struct {
	reason, attestation string
	expected            func(transport string) refused
}

// refused is a part of an error as an application catches it, and of the error below it.
type refused struct{ name, message, cause string }

func (w witness) refusal(t *testing.T, transport string, r refusal) {
	id := newIdentity(t, "refusal-"+w.folder+"-"+transport+"-"+r.reason, r.attestation)
	saw := w.run(t, "refusal", []string{transport, r.reason}, id, []string{"enroll", "refused", "served", "remove"})
	var got sdkError
	if err := json.Unmarshal(saw["refused"], &got); err != nil {
		t.Fatal(err)
	}
	want := r.expected(transport)
	if got.Name != want.name || !strings.Contains(got.Message, want.message) || !strings.Contains(got.Cause, want.cause) {
		t.Errorf("the SDK says %s: %s, because of %q; expected %s: … %s …, because of … %s …",
			got.Name, got.Message, got.Cause, want.name, want.message, want.cause)
	}
}
