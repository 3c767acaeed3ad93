package svc

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"

	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// keyPair is what an attestation shows of its symmetric keys; "" for what it hides.
type keyPair struct{ Primary, Secondary string }

// GomegaString tells keys apart in a red without showing them.
func (k keyPair) GomegaString() string {
	return "primary key " + fingerprint(k.Primary) + ", secondary key " + fingerprint(k.Secondary)
}

func fingerprint(key string) string {
	if key == "" {
		return "absent"
	}
	sum := sha256.Sum256([]byte(key))
	return fmt.Sprintf("with SHA-256 %x…", sum[:4])
}

func keysIn(attestation any) keyPair {
	record := harness.Members{"attestation": attestation}
	primary, _ := inside(record, "attestation", "symmetricKey", "primaryKey").(string)
	secondary, _ := inside(record, "attestation", "symmetricKey", "secondaryKey").(string)
	return keyPair{primary, secondary}
}

// keysOf are the keys that attestationmechanism shows of a record.
func keysOf(ctx context.Context, t *harness.T, s *harness.Service, record harness.Members) keyPair {
	return keysIn(object(t, s.Post(ctx, t, pathOf(record)+"/attestationmechanism", nil)))
}

// given is an attestation by keys as a client writes them.
func given(primary, secondary any) harness.Members {
	return harness.Members{"attestation": harness.Members{
		"type": "symmetricKey", "symmetricKey": harness.Members{"primaryKey": primary, "secondaryKey": secondary},
	}}
}

func keyOf(bytes int) string {
	return base64.StdEncoding.EncodeToString(harness.Key()[:min(bytes, 64)])
}

// keyChecks are about who sees symmetric keys, who makes them, and how long they stay.
var keyChecks = []harness.Check{{
	Requirement: "DPS-SVC-018",
	Title:       "the answer to a PUT shows the symmetric keys, when it creates and when it updates",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, record := range []harness.Members{newEnrollment(t), newGroup(t)} {
			keys := keysIn(record["attestation"])
			made := object(t, put(ctx, t, s, record))
			t.Expect(keysIn(made["attestation"])).To(Equal(keys), "create")
			changed := object(t, put(ctx, t, s, with(record, harness.Members{"provisioningStatus": "disabled"}), etagOf(made)))
			t.Expect(keysIn(changed["attestation"])).To(Equal(keys), "update")
		}
	},
}, {
	Requirement: "DPS-SVC-019",
	Title:       "the answer to a GET never shows symmetric keys",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, record := range []harness.Members{newEnrollment(t), newGroup(t)} {
			keys := keysIn(record["attestation"])
			t.Given("the record is stored", func() { t.Expect(put(ctx, t, s, record).Status).To(BeNumerically("<", 300)) })
			answer := s.Get(ctx, t, pathOf(record))
			t.Expect(inside(object(t, answer), "attestation", "type")).To(Equal("symmetricKey"))
			t.Expect(keysIn(object(t, answer)["attestation"])).To(BeZero())
			shown := bytes.Contains(answer.Body, []byte(keys.Primary)) || bytes.Contains(answer.Body, []byte(keys.Secondary))
			t.Expect(shown).To(BeFalse(), "a key stands in the answer")
		}
	},
}, {
	Requirement: "DPS-SVC-019",
	Title:       "a query never shows symmetric keys",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		s.Enroll(ctx, t, newEnrollment(t))
		s.EnrollGroup(ctx, t, newGroup(t))
		for _, collection := range []string{"/enrollments", "/enrollmentGroups"} {
			answer := s.Post(ctx, t, collection+"/query", harness.Members{"query": "SELECT *"})
			records, err := answer.List()
			t.Answered(err, "read the page")
			t.Expect(records).NotTo(BeEmpty(), collection)
			for _, record := range records {
				t.Expect(keysIn(record["attestation"])).To(BeZero(), collection)
			}
		}
	},
}, {
	Requirement: "DPS-SVC-020",
	Title:       "attestationmechanism shows the keys that the PUT answered",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, record := range []harness.Members{newEnrollment(t), newGroup(t)} {
			made := object(t, put(ctx, t, s, with(record, harness.Members{"attestation": harness.Members{"type": "symmetricKey"}})))
			keys := keysIn(made["attestation"])
			t.Given("the PUT shows keys", func() { t.Expect(keys).NotTo(BeZero()) })
			t.Expect(keysOf(ctx, t, s, record)).To(Equal(keys))
		}
	},
}, {
	Requirement: "DPS-SVC-021",
	Title:       "keys of 64 bytes are made when an enrollment is created with no keys or with empty ones",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for what, attestation := range map[string]harness.Members{
			"no symmetricKey": {"attestation": harness.Members{"type": "symmetricKey"}},
			"empty keys":      given("", ""),
			"null keys":       given(nil, nil),
		} {
			answer := put(ctx, t, s, with(newEnrollment(t), attestation))
			t.Expect(answer.Status).To(Equal(http.StatusOK), what)
			keys := keysIn(object(t, answer)["attestation"])
			for _, text := range []string{keys.Primary, keys.Secondary} {
				key, err := base64.StdEncoding.DecodeString(text)
				t.Expect(err).NotTo(HaveOccurred(), what)
				t.Expect(key).To(HaveLen(64), what+": a key")
			}
			t.Expect(keys.Primary).NotTo(Equal(keys.Secondary), what+": the two keys")
		}
	},
}, {
	Requirement: "DPS-SVC-022",
	Title:       "the keys that a new enrollment brings are kept",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, record := range []harness.Members{with(newEnrollment(t), given(keyOf(16), keyOf(64))), newGroup(t)} {
			answer := put(ctx, t, s, record)
			t.Expect(answer.Status).To(Equal(http.StatusOK))
			t.Expect(keysOf(ctx, t, s, record)).To(Equal(keysIn(record["attestation"])))
		}
	},
}, {
	Requirement: "DPS-SVC-023",
	Title:       "keys that are not base64, or not 16 to 64 bytes, are answered with 400",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		t.Given("keys of 16 and of 64 bytes are accepted", func() {
			t.Expect(put(ctx, t, s, with(newEnrollment(t), given(keyOf(16), keyOf(64)))).Status).To(BeNumerically("<", 300))
		})
		long := base64.StdEncoding.EncodeToString(append(harness.Key(), 0))
		for what, key := range map[string]string{"not base64": "not base64!", "15 bytes": keyOf(15), "65 bytes": long} {
			t.Expect(put(ctx, t, s, with(newEnrollment(t), given(key, keyOf(64)))).Status).To(Equal(http.StatusBadRequest), what)
			t.Expect(put(ctx, t, s, with(newEnrollment(t), given(keyOf(64), key))).Status).To(Equal(http.StatusBadRequest), what+", secondary")
		}
	},
}, {
	Requirement: "DPS-SVC-024",
	Title:       "an enrollment that is read and written back without its keys keeps them",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, record := range []harness.Members{newEnrollment(t), newGroup(t)} {
			put(ctx, t, s, record)
			keys := keysIn(record["attestation"])
			// Node and Java write back what they read; C# makes empty strings of what was hidden.
			for what, change := range map[string]harness.Members{"as it was read": {}, "with empty keys": given("", "")} {
				read := object(t, s.Get(ctx, t, pathOf(record)))
				answer := put(ctx, t, s, with(read, harness.Members{"provisioningStatus": "disabled"}, change), etagOf(read))
				t.Expect(answer.Status).To(Equal(http.StatusOK), what)
				t.Expect(keysOf(ctx, t, s, record)).To(Equal(keys), what)
			}
		}
	},
}}
