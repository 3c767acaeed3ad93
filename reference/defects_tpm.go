package reference

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"net/http"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/attestation"
	"github.com/dpslab/dpslab/reference/deviceapi"
	"github.com/dpslab/dpslab/reference/deviceapi/amqpfront"
	"github.com/dpslab/dpslab/reference/deviceapi/httpsfront"
	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/provisioning"
)

// onChallenge changes the answer over HTTPS that is a challenge.
func onChallenge(change func(*httpsfront.Reply)) func(point.Args) ([]point.Plan, error) {
	return onHTTPS("register", func(r *httpsfront.Reply) {
		if bytes.Contains(r.Body, []byte("authenticationKey")) {
			change(r)
		}
	})
}

// onBlob changes the key of a challenge, part by part (device-api.md 4.4).
func onBlob(change func(parts [][]byte) [][]byte) func(point.Args) ([]point.Plan, error) {
	return point.Always(provisioning.Challenging.Plan(func(_ point.Call, c *provisioning.Challenge) {
		var parts [][]byte
		for b := c.Blob; len(b) > 0; {
			end := 2 + int(binary.BigEndian.Uint16(b))
			parts, b = append(parts, bytes.Clone(b[:end])), b[end:]
		}
		c.Blob = bytes.Join(change(parts), nil)
	}))
}

// onWrap changes a key for a TPM before it is wrapped.
func onWrap(change func(*provisioning.Wrap)) func(point.Args) ([]point.Plan, error) {
	return point.Always(provisioning.Wrapping.Plan(func(_ point.Call, w *provisioning.Wrap) { change(w) }))
}

// onTPM changes what is found for a claim whose enrollment names an endorsement key.
func onTPM(change func(*provisioning.Candidate)) func(point.Args) ([]point.Plan, error) {
	return point.Always(provisioning.Deciding.Plan(func(_ point.Call, c *provisioning.Candidate) {
		if c.Enrollment.Attestation.Type == dps.AttestationTPM {
			change(c)
		}
	}))
}

// onSASLChallenge changes the challenge that answers the nth step of SASL TPM.
func onSASLChallenge(n int, change func([]byte) []byte) func(point.Args) ([]point.Plan, error) {
	return point.Always(amqpserver.Challenge.Plan(func(_ point.Call, r *amqpserver.ChallengeReply) {
		if r.N == n {
			r.Challenge = change(r.Challenge)
		}
	}))
}

// onTPMLogin changes how SASL TPM ends.
func onTPMLogin(change func(*amqpfront.Login)) func(point.Args) ([]point.Plan, error) {
	return point.Always(amqpfront.Authenticating.Plan(func(_ point.Call, l *amqpfront.Login) {
		if l.Mechanism == "TPM" {
			change(l)
		}
	}))
}

// tpmDefects are about devices with a TPM.
var tpmDefects = point.Catalogue{{
	ID: "tpm-challenge-403", Summary: "challenges with status 403",
	Catches: []string{"DPS-TPM-001"},
	Build:   onChallenge(func(r *httpsfront.Reply) { r.Status = http.StatusForbidden }),
}, {
	ID: "tpm-never-challenged", Summary: "refuses a device with a TPM where it should be challenged",
	Catches: []string{"DPS-TPM-001", "DPS-TPM-002"},
	Build:   onChallenge(func(r *httpsfront.Reply) { refuse(r, http.StatusUnauthorized) }),
}, {
	ID: "tpm-challenge-status", Summary: "puts a status into a challenge",
	Catches: []string{"DPS-TPM-002"},
	Build: onChallenge(func(r *httpsfront.Reply) {
		r.Body = edit(r.Body, func(d object) { d["status"] = "unassigned" })
	}),
}, {
	ID: "tpm-challenge-no-key-name", Summary: "leaves keyName out of a challenge",
	Catches: []string{"DPS-TPM-002"},
	Build: onChallenge(func(r *httpsfront.Reply) {
		r.Body = edit(r.Body, func(d object) { delete(d, "keyName") })
	}),
}, {
	ID: "tpm-challenge-as-text", Summary: "says that a challenge is text",
	Catches: []string{"DPS-TPM-007"},
	Build:   onChallenge(func(r *httpsfront.Reply) { r.Header.Set("Content-Type", "text/plain") }),
}, {
	ID: "tpm-other-key", Summary: "challenges with another key than it verifies with",
	Catches: []string{"DPS-TPM-003", "DPS-TPM-021"},
	Build: onWrap(func(w *provisioning.Wrap) {
		if !w.Hub {
			w.Key = randomKey()
		}
	}),
}, {
	ID: "tpm-wrong-token-refused", Summary: "refuses a wrong token of a device with a TPM and does not challenge again",
	Catches: []string{"DPS-TPM-004"},
	Build: onChallenge(func(r *httpsfront.Reply) {
		if r.Request.Header.Get("Authorization") != "" {
			refuse(r, http.StatusUnauthorized)
		}
	}),
}, {
	ID: "tpm-any-endorsement-key", Summary: "takes any endorsement key for the enrolled one",
	Catches: []string{"DPS-TPM-005"},
	Build: onTPM(func(c *provisioning.Candidate) {
		if c.Claim.TPM != nil {
			c.Enrollment.Attestation.TPM.EndorsementKey = base64.StdEncoding.EncodeToString(c.Claim.TPM.EndorsementKey)
		}
	}),
}, {
	ID: "tpm-unknown-unauthorized", Summary: "calls a device that nobody enrolled unauthorized",
	Catches: []string{"DPS-TPM-005"},
	Build: everyAnswer(func(d object) {
		if d["errorCode"] == 404201.0 {
			d["errorCode"] = 401002
		}
	}),
}, {
	ID: "tpm-hub-key-forgotten", Summary: "assigns a device with a TPM without a key for its hub",
	Catches: []string{"DPS-TPM-006"},
	Build: everyAnswer(func(d object) {
		if s := d.state(); s != nil {
			delete(s, "tpm")
		}
	}),
}, {
	ID: "tpm-hub-key-other", Summary: "gives the hub another key than the device's TPM",
	Catches: []string{"DPS-TPM-006"},
	Build: onWrap(func(w *provisioning.Wrap) {
		if w.Hub {
			w.Key = randomKey()
		}
	}),
}, {
	ID: "tpm-blob-order", Summary: "sends the public area of a key for a TPM before the key",
	Catches: []string{"DPS-TPM-003", "DPS-TPM-008"},
	Build: onBlob(func(p [][]byte) [][]byte {
		return [][]byte{p[0], p[1], p[4], p[2], p[3], p[5]}
	}),
}, {
	ID: "tpm-blob-sized", Summary: "puts the size of the whole before a key for a TPM",
	Catches: []string{"DPS-TPM-003", "DPS-TPM-008"},
	Build: onBlob(func(p [][]byte) [][]byte {
		size := len(bytes.Join(p, nil))
		return append([][]byte{binary.BigEndian.AppendUint16(nil, uint16(size))}, p...)
	}),
}, {
	ID: "tpm-blob-no-data", Summary: "leaves the data of a key for a TPM empty",
	Catches: []string{"DPS-TPM-008"},
	Build:   onBlob(func(p [][]byte) [][]byte { return append(p[:5], []byte{0, 0}) }),
}, {
	ID: "tpm-key-does-not-sign", Summary: "gives TPMs a key that must not sign",
	Catches: []string{"DPS-TPM-003", "DPS-TPM-009"},
	Build: onBlob(func(p [][]byte) [][]byte {
		const sign = 0x04 // in the second byte of the attributes
		p[4][2+2+2+1] &^= sign
		return p
	}),
}, {
	ID: "tpm-keys-beside-token-refused", Summary: "refuses a register request that has TPM keys and a token",
	Catches: []string{"DPS-TPM-011"},
	Build: onTPM(func(c *provisioning.Candidate) {
		c.PassOver = c.PassOver || c.Claim.TPM != nil && c.Claim.Token != "" && c.Claim.At.Step == "register"
	}),
}, {
	ID: "tpm-polls-need-keys", Summary: "refuses polls without TPM keys",
	Catches: []string{"DPS-TPM-012"},
	Build:   onTPM(func(c *provisioning.Candidate) { c.PassOver = c.PassOver || c.Claim.TPM == nil }),
}, {
	ID: "tpm-root-key-checked", Summary: "holds the storage root key against the enrolled one",
	Catches: []string{"DPS-TPM-013"},
	Build: onTPM(func(c *provisioning.Candidate) {
		if root := c.Enrollment.Attestation.TPM.StorageRootKey; root != "" && c.Claim.TPM != nil {
			c.PassOver = root != base64.StdEncoding.EncodeToString(c.Claim.TPM.StorageRootKey)
		}
	}),
}, {
	ID: "tpm-over-mqtt", Summary: "lets devices with a TPM in over MQTT",
	Catches: []string{"DPS-TPM-014"},
	Build:   accepting(attestation.Unsupported),
}, {
	ID: "tpm-derived-id-refused", Summary: "refuses registration ids of more than 48 characters",
	Catches: []string{"DPS-TPM-015"},
	Build: point.Always(deviceapi.Decoded.Plan(func(_ point.Call, d *deviceapi.Decoding) {
		if id := d.Request.RegistrationID; len(id) > 48 {
			d.Problem = problem.InvalidArgument("Registration id %q is too long.", id)
		}
	})),
}, {
	ID: "tpm-lookup-refused", Summary: "refuses the status lookup of a device with a TPM",
	Catches: []string{"DPS-TPM-016"},
	Build: onTPM(func(c *provisioning.Candidate) {
		c.PassOver = c.PassOver || c.Claim.At.Step == "lookup"
	}),
}, {
	ID: "tpm-bad-keys-500", Summary: "answers TPM keys that are none with 500",
	Catches: []string{"DPS-TPM-017"},
	Build: onHTTPS("register", func(r *httpsfront.Reply) {
		if r.Status == http.StatusBadRequest {
			refuse(r, http.StatusInternalServerError)
		}
	}),
}, {
	ID: "tpm-sasl-empty-challenge", Summary: "answers the init of SASL TPM with an empty challenge",
	Catches: []string{"DPS-TPM-018"},
	Build:   onSASLChallenge(0, func([]byte) []byte { return []byte{} }),
}, {
	ID: "tpm-sasl-final-without-number", Summary: "sends the second part of SASL TPM's key behind 0xC0",
	Catches: []string{"DPS-TPM-003", "DPS-TPM-019"},
	Build:   onSASLChallenge(2, func(b []byte) []byte { return append([]byte{0xC0}, b[1:]...) }),
}, {
	ID: "tpm-sasl-first-is-final", Summary: "sends the first part of SASL TPM's key as the last",
	Catches: []string{"DPS-TPM-003", "DPS-TPM-019"},
	Build:   onSASLChallenge(1, func(b []byte) []byte { return append([]byte{0xC0}, b[1:]...) }),
}, {
	ID: "tpm-sasl-long-frames", Summary: "sends frames of SASL TPM with more than 512 bytes",
	Catches: []string{"DPS-TPM-020"},
	Build:   onSASLChallenge(2, func(b []byte) []byte { return append(bytes.Clone(b), make([]byte, 512)...) }),
}, {
	ID: "tpm-sasl-any-token", Summary: "ends SASL TPM well whatever the token",
	Catches: []string{"DPS-TPM-021"},
	Build:   onTPMLogin(func(l *amqpfront.Login) { l.Code = amqp.SASLOK }),
}, {
	ID: "tpm-sasl-refused-by-system", Summary: "ends SASL TPM with outcome 2 for a wrong token",
	Catches: []string{"DPS-TPM-021"},
	Build: onTPMLogin(func(l *amqpfront.Login) {
		if l.Code != amqp.SASLOK {
			l.Code = amqp.SASLSystem
		}
	}),
}, {
	ID: "tpm-keys-after-sasl-refused", Summary: "refuses TPM keys in a register request after SASL TPM",
	Catches: []string{"DPS-TPM-022"},
	Build: point.Always(amqpfront.Receiving.Plan(func(_ point.Call, j *amqpfront.Judgement) {
		if body, _ := j.Message.Payload(); bytes.Contains(body, []byte(`"tpm"`)) {
			j.Problem = problem.InvalidArgument("The tpm member is not known here.")
		}
	})),
}, {
	ID: "tpm-keys-after-sasl-needed", Summary: "refuses a register request after SASL TPM that has no TPM keys",
	Catches: []string{"DPS-TPM-022"},
	Build: point.Always(amqpfront.Receiving.Plan(func(_ point.Call, j *amqpfront.Judgement) {
		if body, _ := j.Message.Payload(); j.Step == "register" && !bytes.Contains(body, []byte(`"tpm"`)) {
			j.Problem = problem.InvalidArgument("The tpm member is missing.")
		}
	})),
}}
