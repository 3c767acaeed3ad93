package interop_test

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"
)

// amqpClient is a client library that knows AMQP and nothing of provisioning. A device of a
// few lines over it is a second opinion on the wire, where the SDKs share rhea's.
type amqpClient struct {
	name       string
	transports []string
	// registered has a device register, and refused has one that the service refuses.
	registered func(t *testing.T, transport string, id identity) registered
	refused    func(t *testing.T, transport string, id identity) refused
	// What the library makes of a refusal by SASL, and of a message that is rejected.
	wrongKey, wrongCertificate refused
}

// registered is what a device reads of its registration state.
type registered struct{ RegistrationID, AssignedHub, DeviceID, Substatus string }

// testAMQPClient has a subtest for every attestation and for two refusals, such as
// TestGoAMQP/amqp-ws/x509-group.
func testAMQPClient(t *testing.T, c amqpClient) {
	begin(t)
	for _, transport := range c.transports {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			for _, attestation := range attestations {
				t.Run(attestation, func(t *testing.T) {
					t.Parallel()
					id := newIdentity(t, "amqp-"+c.name+"-"+transport+"-"+attestation, attestation)
					c.cell(t, transport, enrolled(t, id, attestation))
				})
			}
			t.Run("wrong-key", func(t *testing.T) {
				t.Parallel()
				id := newIdentity(t, "refusal-"+c.name+"-"+transport+"-wrong-key", "symmetric-individual")
				c.refusal(t, transport, enrolled(t, id, "symmetric-individual"), func(id identity) identity {
					return id.with("SYMMETRIC_KEY", base64.StdEncoding.EncodeToString([]byte(rand.Text())))
				}, c.wrongKey)
			})
			t.Run("wrong-certificate", func(t *testing.T) {
				t.Parallel()
				id := newIdentity(t, "refusal-"+c.name+"-"+transport+"-wrong-certificate", "x509-individual")
				c.refusal(t, transport, enrolled(t, id, "x509-individual"), func(id identity) identity {
					return id.with("CERTIFICATE", id.value("OTHER_CERTIFICATE")).with("KEY", id.value("OTHER_KEY"))
				}, c.wrongCertificate)
			})
		})
	}
}

// cell has a device register, and compares what it is told with what the operator reads.
func (c amqpClient) cell(t *testing.T, transport string, id identity) {
	got := c.registered(t, transport, id)
	if got.RegistrationID != id.registration || got.DeviceID != id.registration || got.Substatus != "initialAssignment" {
		t.Errorf("%s was told %+v", id.registration, got)
	}
	if found := registration(t, id); found != got {
		t.Errorf("the device was told %+v, the operator reads %+v", got, found)
	}
}

// refusal has a device refused for what it shows, and served when it shows what is right.
func (c amqpClient) refusal(t *testing.T, transport string, right identity, spoil func(identity) identity, want refused) {
	if got := c.refused(t, transport, spoil(right)); got.name != want.name || !strings.Contains(got.message, want.message) {
		t.Errorf("the library says %s: %s; expected %s: … %s …", got.name, got.message, want.name, want.message)
	}
	c.cell(t, transport, right)
}
