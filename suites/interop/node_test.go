package interop_test

import (
	"encoding/json"
	"strings"
	"testing"
)

var transports = []string{"http", "mqtt", "mqtt-ws"}

// TestNode has a subtest for every cell and every refusal, such as
// TestNode/mqtt-ws/x509-group and TestNode/http/wrong-key.
func TestNode(t *testing.T) {
	switch {
	case skipReason != "":
		t.Skip(skipReason)
	case unready != nil:
		t.Fatal(unready)
	}
	t.Run("sealed", sealed)
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			for _, attestation := range []string{"symmetric-individual", "symmetric-group", "x509-individual", "x509-group"} {
				t.Run(attestation, func(t *testing.T) {
					t.Parallel()
					cell(t, transport, attestation)
				})
			}
			for _, r := range refusals {
				t.Run(r.reason, func(t *testing.T) {
					t.Parallel()
					r.run(t, transport)
				})
			}
		})
	}
}

// cellSteps are the steps of node/cell.js.
var cellSteps = []string{
	"enroll", "register", "registration", "identity", "initial twin",
	"connect", "telemetry", "twin", "report", "desired", "method", "disconnect", "remove",
}

func cell(t *testing.T, transport, attestation string) {
	id := newIdentity(t, "cell-"+transport+"-"+attestation, attestation)
	saw := run(t, "cell.js", []string{transport, attestation}, id, cellSteps)
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

// refusal is a reason for which the service refuses a device (node/refusal.js), and what
// the SDK makes of the refusal over HTTP and over MQTT.
type refusal struct {
	reason, attestation string
	http, mqtt          refused
}

// refused is a part of an error as an application catches it.
type refused struct{ name, message string }

var refusals = []refusal{
	{
		reason: "wrong-key", attestation: "symmetric-individual",
		http: refused{"UnauthorizedError", "401002"},
		// The SDK passes on its MQTT library's word for CONNACK 5 as it is.
		mqtt: refused{"Error", "Connection refused: Not authorized"},
	},
	{
		// Over MQTT it is the register request that is refused (device-api.md 2.4).
		reason: "wrong-certificate", attestation: "x509-individual",
		http: refused{"UnauthorizedError", "401002"},
		mqtt: refused{"UnauthorizedError", "incoming message failure"},
	},
	{
		// The SDK has no word for a disabled enrollment (device-api.md 1.5).
		reason: "disabled", attestation: "symmetric-individual",
		http: refused{"SyntaxError", "status is disabled"},
		mqtt: refused{"SyntaxError", "status is disabled"},
	},
}

func (r refusal) run(t *testing.T, transport string) {
	id := newIdentity(t, "refusal-"+transport+"-"+r.reason, r.attestation)
	saw := run(t, "refusal.js", []string{transport, r.reason}, id, []string{"enroll", "refused", "served", "remove"})
	var got sdkError
	if err := json.Unmarshal(saw["refused"], &got); err != nil {
		t.Fatal(err)
	}
	want := r.mqtt
	if transport == "http" {
		want = r.http
	}
	if got.Name != want.name || !strings.Contains(got.Message, want.message) {
		t.Errorf("the SDK says %s: %s; expected %s: … %s …", got.Name, got.Message, want.name, want.message)
	}
}
