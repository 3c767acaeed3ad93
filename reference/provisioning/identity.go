package provisioning

import (
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/reference/attestation"
	"github.com/dpslab/dpslab/reference/enrollment"
)

// identityOf is what the hub learns of the device: the keys that its tokens are signed
// with, or the thumbprints of its certificates (iot-hub.md 5).
func identityOf(a Attested, deviceID string) Identity {
	e := a.Enrollment
	id := Identity{DeviceID: deviceID, IoTEdge: e.IoTEdge}
	if t := e.InitialTwin; t != nil {
		id.Twin = Twin{Tags: t.Tags, Desired: t.Desired}
	}
	switch {
	case e.Attestation.Type == dps.AttestationSymmetricKey:
		keys := e.Attestation.SymmetricKey // [DPS-ALLOC-017]
		if e.Kind == enrollment.Group {
			keys = attestation.DeviceKeys(keys, a.RegistrationID, a.Token) // [DPS-ALLOC-018]
		}
		id.PrimaryKey, id.SecondaryKey = keys.Primary, keys.Secondary
	case e.Attestation.Type == dps.AttestationTPM: // its keys are drawn when it is assigned
	case e.Kind == enrollment.Individual:
		for _, c := range e.Attestation.X509.Certificates() {
			if id.PrimaryThumbprint == "" {
				id.PrimaryThumbprint = c.SHA256
			} else {
				id.SecondaryThumbprint = c.SHA256
			}
		}
	case len(a.Chain) > 0: // [DPS-X509-016]; a defect may let in who presented none
		id.PrimaryThumbprint = enrollment.NewCertificate(a.Chain[0]).SHA256
	}
	return id
}
