package tpm

import (
	"context"
	"encoding/binary"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// blobChecks are about the key for a TPM as it is on the wire: in a challenge, and in the
// state of an assigned device.
var blobChecks = []harness.Check{{
	Requirement: "DPS-TPM-008",
	Title:       "a key for a TPM is six parts and nothing else",
	Transports:  over,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		for what, blob := range blobs(ctx, env, t, device(ctx, env, t)) {
			p, rest := split(blob)
			t.Expect(p).To(HaveLen(6), "parts of the key in %s", what)
			t.Expect(rest).To(BeEmpty(), "behind the key in %s", what)
			integrity, identity := cut(p[0])
			t.Expect(integrity).To(HaveLen(32), "the integrity in the credential in %s", what)
			t.Expect(identity).NotTo(BeEmpty(), "the credential in %s", what)
			t.Expect(p[1]).To(HaveLen(256), "the seed for the endorsement key in %s", what)
			t.Expect(p[2]).NotTo(BeEmpty(), "the wrapped key in %s", what)
			t.Expect(len(p[3])).To(BeElementOf(0, 256), "bytes of the seed for the storage root key in %s", what)
			t.Expect(p[4]).NotTo(BeEmpty(), "the public area in %s", what)
			t.Expect(len(p[5])).To(And(BeNumerically(">", 0), BeNumerically("<=", 1024)), "bytes of the data in %s", what)
		}
	},
}, {
	Requirement: "DPS-TPM-009",
	Title:       "the key for a TPM is one of HMAC with SHA-256 that can be imported and signs",
	Transports:  over,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		const keyedHash, hmac, sha256 = 0x0008, 0x0005, 0x000B
		const fixedTPM, fixedParent, userWithAuth, restricted, sign = 1 << 1, 1 << 4, 1 << 6, 1 << 16, 1 << 18
		for what, blob := range blobs(ctx, env, t, device(ctx, env, t)) {
			p, _ := split(blob)
			t.Given("the key in "+what+" has six parts", func() { t.Expect(p).To(HaveLen(6)) })
			area := append(p[4], make([]byte, 16)...) // whatever is not there is zero
			be := binary.BigEndian
			t.Expect(be.Uint16(area)).To(BeEquivalentTo(keyedHash), "type in %s", what)
			t.Expect(be.Uint16(area[2:])).To(BeEquivalentTo(sha256), "algorithm of the name in %s", what)
			attributes := be.Uint32(area[4:])
			t.Expect(attributes&(sign|userWithAuth)).To(BeEquivalentTo(sign|userWithAuth), "attributes %#08x in %s", attributes, what)
			t.Expect(attributes&(fixedTPM|fixedParent|restricted)).To(BeZero(), "attributes %#08x in %s", attributes, what)
			_, scheme := cut(area[8:])
			t.Expect(len(scheme)).To(BeNumerically(">=", 4), "bytes of the scheme in %s", what)
			t.Expect(be.Uint16(scheme)).To(BeEquivalentTo(hmac), "scheme in %s", what)
			t.Expect(be.Uint16(scheme[2:])).To(BeEquivalentTo(sha256), "hash of the scheme in %s", what)
		}
	},
}}

// split takes TPM2Bs apart. What is too short to be one more is left over.
func split(blob []byte) (parts [][]byte, rest []byte) {
	for rest = blob; len(rest) >= 2 && len(rest) >= 2+int(binary.BigEndian.Uint16(rest)); {
		var part []byte
		part, rest = cut(rest)
		parts = append(parts, part)
	}
	return parts, rest
}

// cut takes one TPM2B off the front; nothing is what is not all there.
func cut(b []byte) (part, rest []byte) {
	if len(b) < 2 || len(b) < 2+int(binary.BigEndian.Uint16(b)) {
		return nil, nil
	}
	end := 2 + int(binary.BigEndian.Uint16(b))
	return b[2:end:end], b[end:]
}

// blobs are the keys that a device is given until it is assigned.
func blobs(ctx context.Context, env *harness.Env, t *harness.T, d *harness.Device) map[string][]byte {
	heard := &listener{TPM: d.TPM}
	listening := d.With(func(id *devwire.Identity) { id.TPM = heard })
	if t.Transport() == dps.HTTPS {
		heard.blob = challenged(ctx, t, d).AuthenticationKey
	} else {
		// What comes of it is not asked here: a TPM may well take no such key. The device does
		// not register yet; it could not again before that is over.
		conn, err := env.Wire.Device(ctx, t.Transport(), d.Service.Device, listening.Identity)
		if err == nil {
			conn.Close()
		}
		t.Expect(heard.blob).NotTo(BeEmpty(), "the key in sasl")
	}
	challenge := heard.blob
	assigned := d.Provision(ctx, t)
	blob, err := assigned.TPMKey()
	t.Answered(err, "read the key for the hub")
	t.Expect(blob).NotTo(BeEmpty(), "the key for the hub")
	return map[string][]byte{"the challenge": challenge, "the assignment": blob}
}

// listener is a TPM that keeps the blob that it was given.
type listener struct {
	devwire.TPM
	blob []byte
}

func (l *listener) Import(blob []byte) error {
	l.blob = blob
	return l.TPM.Import(blob)
}
