package provisioning_test

import (
	"crypto/x509"
	"testing"

	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/provisioning"
)

// What the hub gets are the credentials that the device itself has.
func TestIdentities(t *testing.T) {
	ca := authority(t, "line", authority(t, "root", nil))
	first, second, rolled := chain(t, ca, "dev-01")[0], chain(t, ca, "dev-01")[0], chain(t, ca, "dev-01")
	thumbprint := func(i int) string {
		return enrollment.NewCertificate([]*x509.Certificate{first, second, rolled[0]}[i]).SHA256
	}
	leafs := individual("dev-01")
	leafs.Attestation = certificates(enrollment.ClientCertificates, first, second)
	late := individual("dev-01")
	late.Attestation = certificates(enrollment.ClientCertificates, nil...)
	late.Attestation.X509.Secondary = enrollment.NewCertificate(second)

	for _, c := range []struct {
		rule   string
		stored enrollment.Enrollment
		claim  func(*lab) provisioning.Claim
		want   provisioning.Identity
	}{
		{"the keys of the enrollment", individual("dev-01"),
			func(l *lab) provisioning.Claim { return l.claim("dev-01", primaryKey) },
			provisioning.Identity{PrimaryKey: primaryKey, SecondaryKey: secondaryKey}},
		{"the keys that the device derives from its group's", keyGroup("line-a"),
			func(l *lab) provisioning.Claim { return l.claim("dev-01", derived(secondaryKey, "dev-01")) },
			provisioning.Identity{PrimaryKey: derived(groupKey, "dev-01"), SecondaryKey: derived(secondaryKey, "dev-01")}},
		{"from its id as it spells it", keyGroup("line-a"),
			func(l *lab) provisioning.Claim { return l.claim("Dev-01", derived(groupKey, "Dev-01")) },
			provisioning.Identity{PrimaryKey: derived(groupKey, "Dev-01"), SecondaryKey: derived(secondaryKey, "Dev-01")}},
		{"from its id in lower case, where it does so", keyGroup("line-a"),
			func(l *lab) provisioning.Claim { return l.claim("Dev-01", derived(secondaryKey, "dev-01")) },
			provisioning.Identity{PrimaryKey: derived(groupKey, "dev-01"), SecondaryKey: derived(secondaryKey, "dev-01")}},
		{"the thumbprints of the enrollment", leafs,
			func(l *lab) provisioning.Claim { return l.presenting("dev-01", second) },
			provisioning.Identity{PrimaryThumbprint: thumbprint(0), SecondaryThumbprint: thumbprint(1)}},
		{"its only thumbprint first, whatever its slot", late,
			func(l *lab) provisioning.Claim { return l.presenting("dev-01", second) },
			provisioning.Identity{PrimaryThumbprint: thumbprint(1)}},
		{"the thumbprint of the leaf that a group's device presents", signedBy("by-ca", ca),
			func(l *lab) provisioning.Claim { return l.presenting("dev-01", rolled...) },
			provisioning.Identity{PrimaryThumbprint: thumbprint(2)}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			l, h := open(t), newHub("hub-a")
			l.link(h)
			l.enroll(c.stored)
			r := l.provision(c.claim(l))
			got, ok := h.identity(r.DeviceID)
			if !ok || string(got.PrimaryKey) != string(c.want.PrimaryKey) || string(got.SecondaryKey) != string(c.want.SecondaryKey) ||
				got.PrimaryThumbprint != c.want.PrimaryThumbprint || got.SecondaryThumbprint != c.want.SecondaryThumbprint {
				t.Errorf("at %q the hub has %+v", r.DeviceID, got)
			}
		})
	}
}
