package svc

import (
	"context"
	"net/http"

	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// unheard is a webhook that nobody answers, as the Node client's own tests write it.
var unheard = harness.Members{"customAllocationDefinition": harness.Members{"webhookUrl": "https://web.hook", "apiVersion": "2021-10-01"}}

func policy(word string) harness.Members { return harness.Members{"allocationPolicy": word} }

// policyChecks are about what may stand together in a record that says where devices go.
var policyChecks = []harness.Check{{
	Requirement: "DPS-SVC-063",
	Title:       "the refusal of custom without a definition, and of an empty certificate, has the service's own message",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, refused := range []struct {
			record  harness.Members
			message string
		}{
			{with(newEnrollment(t), policy("custom")), "A CustomAllocationDefinition is required when the allocation policy is set to 'Custom'"},
			{with(newEnrollment(t), x509(client, "")), "TPM or X509 attestation is required."},
		} {
			answer := put(ctx, t, s, refused.record)
			t.Expect(answer.Status).To(Equal(http.StatusBadRequest))
			t.Expect(object(t, answer)).To(HaveKeyWithValue("message", refused.message))
		}
		t.Expect(object(t, put(ctx, t, s, with(newGroup(t), policy("custom"))))).To(HaveKeyWithValue("errorCode", BeNumerically("==", 400004)))
	},
}, {
	Requirement: "DPS-SVC-064",
	Title:       "a customAllocationDefinition is returned whether or not anybody answers its webhook, and beside any policy",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, word := range []string{"custom", "hashed", "geoLatency"} {
			for _, record := range []harness.Members{newEnrollment(t), newGroup(t)} {
				answer := put(ctx, t, s, with(record, policy(word), unheard))
				t.Expect(answer.Status).To(Equal(http.StatusOK), word)
				read := object(t, s.Get(ctx, t, pathOf(record)))
				t.Expect(read["customAllocationDefinition"]).To(Equal(unheard["customAllocationDefinition"]), word)
				t.Expect(read).To(HaveKeyWithValue("allocationPolicy", word))
			}
		}
	},
}, {
	Requirement: "DPS-SVC-065",
	Title:       "a customAllocationDefinition without webhookUrl or apiVersion is answered with 400",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		accepted(ctx, t, s, "a whole definition", with(newEnrollment(t), policy("custom"), unheard))
		for _, half := range []harness.Members{{}, {"webhookUrl": "https://web.hook"}, {"apiVersion": "2021-10-01"}} {
			record := with(newEnrollment(t), policy("custom"), harness.Members{"customAllocationDefinition": half})
			t.Expect(put(ctx, t, s, record).Status).To(Equal(http.StatusBadRequest), "%v", half)
		}
	},
}, {
	Requirement: "DPS-SVC-066",
	Title:       "the allocation policy static with two hubs is answered with 400",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		hubs := env.Hubs(ctx, t, 2)
		s := env.Service(ctx, t, harness.WithHubs(hubs...))
		to := func(hosts ...string) harness.Members {
			return with(newEnrollment(t), policy("static"), harness.Members{"iotHubs": hosts})
		}
		accepted(ctx, t, s, "static with one hub", to(hubs[0].Host))
		t.Expect(put(ctx, t, s, to(hubs[0].Host, hubs[1].Host)).Status).To(Equal(http.StatusBadRequest))
	},
}, {
	Requirement: "DPS-SVC-067",
	Title:       "a reprovisionPolicy is returned as it was written, with every pair of values",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, update := range []bool{true, false} {
			for _, migrate := range []bool{true, false} {
				written := harness.Members{"updateHubAssignment": update, "migrateDeviceData": migrate}
				for view, record := range seen(ctx, t, s, with(newEnrollment(t), harness.Members{"reprovisionPolicy": written})) {
					t.Expect(record["reprovisionPolicy"]).To(Equal(written), view)
				}
			}
		}
	},
}, {
	Requirement: "DPS-SVC-068",
	Title:       "iotHubHostName beside iotHubs is accepted",
	Needs:       []harness.Need{harness.NeedHub},
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		host := s.Hubs[0].Host
		answer := put(ctx, t, s, with(newEnrollment(t), harness.Members{"iotHubHostName": host, "iotHubs": []any{host}}))
		t.Expect(answer.Status).To(Equal(http.StatusOK))
		t.Expect(object(t, answer)).To(HaveKeyWithValue("iotHubs", Equal([]any{host})))
	},
}}

// tpm is an attestation by an endorsement key.
func tpm(key any) harness.Members {
	return harness.Members{"attestation": harness.Members{"type": "tpm", "tpm": harness.Members{"endorsementKey": key}}}
}

// attestationChecks are about attestations that are replaced, and about odd ones.
var attestationChecks = []harness.Check{{
	Requirement: "DPS-SVC-069",
	Title:       "a PUT with the etag replaces the attestation of an enrollment, its type too",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		record := with(newEnrollment(t), tpm("AToAAQALAAMAsgAg"))
		made := put(ctx, t, s, record)
		t.Given("the first is accepted", func() { t.Expect(made.Status).To(BeNumerically("<", 300)) })
		tag := etagOf(object(t, made))
		leaf := t.SelfSigned(env, record["registrationId"].(string))
		for _, next := range []harness.Members{tpm("AToAAQALAAMAsgAh"), given(keyOf(64), keyOf(64)), x509(client, string(pki.PEM(harness.Leaf(leaf))))} {
			answer := put(ctx, t, s, with(record, next), tag)
			t.Expect(answer.Status).To(Equal(http.StatusOK), "%s", inside(next, "attestation", "type"))
			tag = etagOf(object(t, answer))
			read := object(t, s.Get(ctx, t, pathOf(record)))
			t.Expect(inside(read, "attestation", "type")).To(Equal(inside(next, "attestation", "type")))
			kept := inside(read, "attestation", "tpm", "endorsementKey") == inside(next, "attestation", "tpm", "endorsementKey") // or in neither
			t.Expect(kept).To(BeTrue(), "the endorsement key is the one that was written")
		}
	},
}, {
	Requirement: "DPS-SVC-070",
	Title:       "an endorsement key is taken as it is, on two enrollments too",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, which := range []string{"the first", "the second"} {
			answer := put(ctx, t, s, with(newEnrollment(t), tpm("a"))) // as the Node client's sample writes it
			t.Expect(answer.Status).To(Equal(http.StatusOK), which)
			t.Expect(inside(object(t, answer), "attestation", "tpm", "endorsementKey")).To(Equal("a"), which)
		}
	},
}, {
	Requirement: "DPS-SVC-071",
	Title:       "optionalDeviceInformation is returned as it was written",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		written := harness.Members{"optionalDeviceInformation": harness.Members{"room": "7", "nested": harness.Members{"list": []any{1.0, "two", nil}}}}
		for view, record := range seen(ctx, t, s, with(newEnrollment(t), written)) {
			t.Expect(record["optionalDeviceInformation"]).To(Equal(written["optionalDeviceInformation"]), view)
		}
	},
}, {
	Requirement: "DPS-SVC-072",
	Title:       "a member of the wrong JSON type is answered with 400",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		accepted(ctx, t, s, "members of the right types", with(newEnrollment(t), harness.Members{"deviceId": "d", "iotHubs": []any{}}))
		for _, wrong := range []harness.Members{
			{"deviceId": 7}, {"attestation": "tpm"}, {"iotHubs": "hub"}, {"capabilities": []any{}}, {"initialTwin": 1},
			{"provisioningStatus": true}, {"reprovisionPolicy": harness.Members{"updateHubAssignment": "yes", "migrateDeviceData": true}},
		} {
			t.Expect(put(ctx, t, s, with(newEnrollment(t), wrong)).Status).To(Equal(http.StatusBadRequest), "%v", wrong)
		}
	},
}, {
	Requirement: "DPS-SVC-073",
	Title:       "TPM attestation without an endorsement key, and text that is no certificate, are answered with 400",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		accepted(ctx, t, s, "an endorsement key", with(newEnrollment(t), tpm("AToAAQALAAMAsgAg")))
		for what, attestation := range map[string]harness.Members{
			"no tpm":            {"attestation": harness.Members{"type": "tpm"}},
			"an empty key":      tpm(""),
			"no key":            tpm(nil),
			"no certificate":    x509(client, "hello"),
			"a PEM of nonsense": x509(client, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
		} {
			t.Expect(put(ctx, t, s, with(newEnrollment(t), attestation)).Status).To(Equal(http.StatusBadRequest), what)
		}
	},
}}
