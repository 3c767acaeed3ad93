package x509

import (
	"context"
	"crypto/sha1"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// resultChecks are about what a registration by certificate leaves behind: in its state and
// at the hub.
var resultChecks = []harness.Check{{
	Requirement: "DPS-X509-015",
	Title:       "certificate information in a registration state is complete or not there",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		service := env.Service(ctx, t)
		for _, d := range []*harness.Device{service.X509Device(ctx, t), service.X509Group(ctx, t).Device(t)} {
			var doc struct{ RegistrationState struct{ X509 map[string]any } }
			t.Must(json.Unmarshal(d.Assigned(ctx, t).Raw, &doc), "read the registration state")
			for _, name := range []string{"certificateInfo", "signingCertificateInfo"} {
				info, given := doc.RegistrationState.X509[name]
				t.Expect(info).To(Or(BeNil(), complete()), name)
				t.Expect(given && info == nil).To(BeFalse(), "%s is null", name)
			}
		}
	},
}, {
	Requirement: "DPS-X509-016",
	Title:       "the hub knows a device by the thumbprint of the leaf that it presented",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		service := env.Service(ctx, t)
		for _, d := range []*harness.Device{service.X509Device(ctx, t), service.X509Group(ctx, t).Device(t)} {
			authentication, thumbprint := atHub(ctx, t, d)
			t.Expect(authentication).To(HaveKeyWithValue("type", "selfSigned"))
			t.Expect(thumbprint).To(BeElementOf(thumbprints(*d.Certificate)))
		}
	},
}, {
	Requirement: "DPS-X509-017",
	Title:       "the hub learns the thumbprint of a new leaf when the device registers again",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).X509Group(ctx, t)
		d := group.Device(t)
		t.Given("the hub knows the first leaf", func() {
			_, thumbprint := atHub(ctx, t, d)
			t.Expect(thumbprint).To(BeElementOf(thumbprints(*d.Certificate)))
		})
		renewed := present(d, issued(env, t, group.Authority, d.RegistrationID))
		_, thumbprint := atHub(ctx, t, renewed)
		t.Expect(thumbprint).To(BeElementOf(thumbprints(*renewed.Certificate)))
	},
}}

// complete matches certificate information with all eight members
// (device-api.md 0.1 item 8).
func complete() OmegaMatcher {
	var all []OmegaMatcher
	for _, name := range []string{
		"subjectName", "sha1Thumbprint", "sha256Thumbprint", "issuerName", "notBeforeUtc", "notAfterUtc", "serialNumber", "version",
	} {
		all = append(all, HaveKeyWithValue(name, Not(BeNil())))
	}
	return And(all...)
}

// atHub assigns the device and returns the authentication and the primary thumbprint of
// its identity at the hub.
func atHub(ctx context.Context, t *harness.T, d *harness.Device) (authentication map[string]any, thumbprint string) {
	assigned := d.Assigned(ctx, t)
	identity, err := d.AtHub(t, assigned).Hub.Get(ctx, t, harness.IdentityPath(assigned.State.DeviceID)).JSON()
	t.Answered(err, "read the identity")
	authentication, _ = identity["authentication"].(map[string]any)
	prints, _ := authentication["x509Thumbprint"].(map[string]any)
	thumbprint, _ = prints["primaryThumbprint"].(string)
	return authentication, strings.ToUpper(thumbprint)
}

// thumbprints are the forms that a hub may keep: which hash the service writes is unknown
// (iot-hub.md 5).
func thumbprints(c tls.Certificate) []string {
	return []string{harness.Thumbprint(c), fmt.Sprintf("%X", sha1.Sum(c.Certificate[0]))}
}
