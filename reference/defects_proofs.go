package reference

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/attestation"
	"github.com/dpslab/dpslab/reference/deviceapi/httpsfront"
	"github.com/dpslab/dpslab/reference/deviceapi/mqttfront"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/provisioning"
	"github.com/dpslab/dpslab/reference/serviceapi"
)

// onProof changes the verdict on what a device presented.
func onProof(change func(*attestation.Verdict)) func(point.Args) ([]point.Plan, error) {
	return point.Always(attestation.Judged.Plan(func(_ point.Call, v *attestation.Verdict) { change(v) }))
}

// accepting lets proofs in that were judged for any of the reasons.
func accepting(reasons ...attestation.Reason) func(point.Args) ([]point.Plan, error) {
	return onProof(func(v *attestation.Verdict) {
		for _, r := range reasons {
			if v.Reason == r {
				v.Reason = attestation.Accepted
			}
		}
	})
}

// refusing turns good proofs away that the test holds for.
func refusing(as attestation.Reason, test func(*attestation.Verdict) bool) func(point.Args) ([]point.Plan, error) {
	return onProof(func(v *attestation.Verdict) {
		if v.Reason == attestation.Accepted && test(v) {
			v.Reason = as
		}
	})
}

// withoutSecondary forgets the second of an enrollment's two credentials. A hub takes no
// identity with one key, so another stands in its place.
var withoutSecondary = point.Always(provisioning.Deciding.Plan(func(_ point.Call, c *provisioning.Candidate) {
	c.Enrollment.Attestation.SymmetricKey.Secondary = randomKey()
	c.Enrollment.Attestation.X509.Secondary = nil
}))

func isToken(v *attestation.Verdict) bool { return v.Proof.Token != "" }

// onAuthorization changes the judgement on an operator's token.
func onAuthorization(change func(*serviceapi.Authorization)) func(point.Args) ([]point.Plan, error) {
	return point.Always(serviceapi.Authorizing.Plan(func(_ point.Call, a *serviceapi.Authorization) { change(a) }))
}

func pardoning(reason string) func(point.Args) ([]point.Plan, error) {
	return onAuthorization(func(a *serviceapi.Authorization) {
		if a.Refused == reason {
			a.Refused = ""
		}
	})
}

// tokenDefects are good tokens refused and bad ones taken, of devices and of operators.
var tokenDefects = point.Catalogue{{
	ID: "sas-upper-hex-refused", Summary: "refuses resources encoded with upper-case hex",
	Catches: []string{"DPS-SAS-001", "DPS-TPM-010"},
	Build: refusing(attestation.BadSignature, func(v *attestation.Verdict) bool {
		return strings.Contains(v.Token.Resource, "%2F")
	}),
}, {
	ID: "sas-lower-hex-refused", Summary: "refuses resources encoded with lower-case hex",
	Catches: []string{"DPS-SAS-002", "DPS-TPM-010"},
	Build: refusing(attestation.BadSignature, func(v *attestation.Verdict) bool {
		return strings.Contains(v.Token.Resource, "%2f")
	}),
}, {
	ID: "sas-raw-refused", Summary: "refuses resources that are not encoded",
	Catches: []string{"DPS-SAS-003", "DPS-TPM-010"},
	Build: refusing(attestation.BadSignature, func(v *attestation.Verdict) bool {
		return strings.Contains(v.Token.Resource, "/")
	}),
}, {
	ID: "sas-fixed-order", Summary: "reads token fields in the order sr, sig, se alone",
	Catches: []string{"DPS-SAS-004"},
	Build: refusing(attestation.Malformed, func(v *attestation.Verdict) bool {
		sr, sig, se := strings.Index(v.Proof.Token, "sr="), strings.Index(v.Proof.Token, "sig="), strings.Index(v.Proof.Token, "se=")
		return isToken(v) && !(sr < sig && sig < se)
	}),
}, {
	ID: "sas-policy-name-required", Summary: "refuses tokens whose skn is not registration",
	Catches: []string{"DPS-SAS-005", "DPS-MQTT-060", "DPS-TPM-010"},
	Build: refusing(attestation.WrongPolicy, func(v *attestation.Verdict) bool {
		return isToken(v) && v.Token.Policy != "registration"
	}),
}, {
	ID: "secondary-credential-ignored", Summary: "forgets secondary keys and certificates",
	Catches: []string{"DPS-SAS-006", "DPS-SAS-007", "DPS-X509-003", "DPS-X509-011"},
	Build:   withoutSecondary,
}, {
	ID: "sas-any-signature", Summary: "does not verify the signature of tokens",
	Catches: []string{"DPS-SAS-008", "DPS-SAS-009", "DPS-SAS-016", "DPS-TPM-003", "DPS-TPM-004"},
	Build:   accepting(attestation.BadSignature),
}, {
	ID: "sas-expired-taken", Summary: "takes expired tokens",
	Catches: []string{"DPS-SAS-010", "DPS-SAS-021"},
	Build:   accepting(attestation.Expired),
}, {
	ID: "sas-no-skew", Summary: "allows a token's clock no drift",
	Catches: []string{"DPS-SAS-011"},
	Build: refusing(attestation.Expired, func(v *attestation.Verdict) bool {
		return isToken(v) && !v.Token.Expiry.After(v.Proof.At)
	}),
}, {
	ID: "sas-any-resource", Summary: "does not look at whom a token is for",
	Catches: []string{"DPS-SAS-012", "DPS-SAS-013"},
	Build:   accepting(attestation.WrongResource),
}, {
	ID: "sas-malformed-taken", Summary: "takes tokens that are none",
	Catches: []string{"DPS-SAS-014"},
	Build:   accepting(attestation.Malformed),
}, {
	ID: "sas-any-policy", Summary: "takes tokens of any policy name",
	Catches: []string{"DPS-SAS-015"},
	Build:   accepting(attestation.WrongPolicy),
}, {
	ID: "sas-case-sensitive-resource", Summary: "compares resources with regard to case",
	Catches: []string{"DPS-SAS-017"},
	Build: refusing(attestation.WrongResource, func(v *attestation.Verdict) bool {
		decoded, err := url.PathUnescape(v.Token.Resource)
		return isToken(v) && (err != nil || decoded != v.Proof.Resource)
	}),
}, {
	ID: "sas-token-in-error", Summary: "repeats the token in its error message",
	Catches: []string{"DPS-SAS-018"},
	Build: func(point.Args) ([]point.Plan, error) {
		repeat := func(token string) func(object) {
			return func(d object) {
				if _, isError := d["trackingId"]; isError {
					d["message"] = token
				}
			}
		}
		var passwords sync.Map // over MQTT, by client id
		return []point.Plan{
			httpsfront.Replying.Plan(func(_ point.Call, r *httpsfront.Reply) {
				r.Body = edit(r.Body, repeat(r.Request.Header.Get("Authorization")))
			}),
			mqttfront.Connecting.Plan(func(_ point.Call, v *mqttfront.Connection) {
				passwords.Store(v.Connect.ClientID, string(v.Connect.Password))
			}),
			mqttfront.Answering.Plan(func(c point.Call, a *mqttfront.Answer) {
				if token, ok := passwords.Load(c.Registration); ok {
					a.Body = edit(a.Body, repeat(token.(string)))
				}
			}),
		}, nil
	},
}, {
	ID: "sas-refused-403", Summary: "answers refused tokens with 403",
	Catches: []string{"DPS-SAS-019"},
	Build: onHTTPS("", func(r *httpsfront.Reply) {
		if r.Status == http.StatusUnauthorized {
			refuse(r, http.StatusForbidden)
		}
	}),
}, {
	ID: "sas-machine-clock", Summary: "judges expiry by the machine's clock, not the service's",
	Catches: []string{"DPS-SAS-021"},
	Build: onProof(func(v *attestation.Verdict) {
		if v.Reason == attestation.Expired && isToken(v) && !v.Token.Expired(clock.System().Now()) {
			v.Reason = attestation.Accepted
		}
	}),
}, {
	ID: "service-sas-case-sensitive", Summary: "refuses service tokens whose host is not in lower case",
	Catches: []string{"DPS-SAS-022"},
	Build: onAuthorization(func(a *serviceapi.Authorization) {
		if a.Refused == "" && a.Token.Resource != strings.ToLower(a.Token.Resource) {
			a.Refused = serviceapi.RefusedResource
		}
	}),
}, {
	ID: "service-sas-encoded-refused", Summary: "refuses service tokens whose resource is percent-encoded",
	Catches: []string{"DPS-SAS-023"},
	Build: onAuthorization(func(a *serviceapi.Authorization) {
		if strings.Contains(a.Token.Resource, "%") {
			a.Refused = serviceapi.RefusedSignature
		}
	}),
}, {
	ID: "service-sas-fixed-order", Summary: "reads the fields of service tokens in the order sr, sig, se alone",
	Catches: []string{"DPS-SAS-024"},
	Build: turnAway(http.StatusUnauthorized, func(r *http.Request) bool {
		token := r.Header.Get("Authorization")
		sr, sig, se := strings.Index(token, "sr="), strings.Index(token, "sig="), strings.Index(token, "se=")
		return !(sr < sig && sig < se)
	}),
}, {
	ID: "service-sas-malformed-taken", Summary: "serves requests without a token",
	Catches: []string{"DPS-SAS-025"},
	Build:   pardoning(serviceapi.RefusedMalformed),
}, {
	ID: "service-sas-expired-taken", Summary: "takes expired service tokens",
	Catches: []string{"DPS-SAS-026"},
	Build:   pardoning(serviceapi.RefusedExpired),
}, {
	ID: "service-sas-any-signature", Summary: "does not verify the signature of service tokens",
	Catches: []string{"DPS-SAS-027"},
	Build:   pardoning(serviceapi.RefusedSignature),
}, {
	ID: "service-sas-any-resource", Summary: "takes service tokens for another host or path",
	Catches: []string{"DPS-SAS-028", "DPS-SAS-029"},
	Build:   pardoning(serviceapi.RefusedResource),
}, {
	ID: "service-sas-prefix-by-text", Summary: "takes the resource of a service token as a prefix by characters",
	Catches: []string{"DPS-SAS-029"},
	Build: onAuthorization(func(a *serviceapi.Authorization) {
		resource, err := url.PathUnescape(a.Token.Resource)
		if err == nil && a.Refused == serviceapi.RefusedResource && strings.HasPrefix(a.Resource, resource) {
			a.Refused = ""
		}
	}),
}, {
	ID: "service-sas-any-policy", Summary: "takes service tokens of an unknown policy",
	Catches: []string{"DPS-SAS-030"},
	Build:   pardoning(serviceapi.RefusedPolicy),
}, {
	ID: "service-right-not-asked", Summary: "does not ask for the right of a service operation",
	Catches: []string{"DPS-SAS-031"},
	Build:   pardoning(serviceapi.RefusedRight),
}}

// certificateDefects are good certificates refused and bad ones taken.
var certificateDefects = point.Catalogue{{
	ID: "x509-self-signed-refused", Summary: "refuses self-signed certificates",
	Catches: []string{"DPS-X509-002", "DPS-WS-010"},
	Build: refusing(attestation.Untrusted, func(v *attestation.Verdict) bool {
		return len(v.Proof.Chain) > 0 && bytes.Equal(v.Proof.Chain[0].RawIssuer, v.Proof.Chain[0].RawSubject)
	}),
}, {
	ID: "x509-any-leaf", Summary: "takes a leaf that is not the enrolled one",
	Catches: []string{"DPS-X509-004", "DPS-X509-009", "DPS-WS-010"},
	Build:   accepting(attestation.NotEnrolled),
}, {
	ID: "x509-judged-at-connect", Summary: "refuses certificates at CONNECT",
	Catches: []string{"DPS-X509-005"},
	Build: onConnect(func(v *mqttfront.Connection) {
		if !v.Connect.HasPassword {
			v.Accept.Code = 5
		}
	}),
}, {
	ID: "x509-groups-refused", Summary: "refuses certificates of groups",
	Catches: []string{"DPS-X509-006", "DPS-X509-007", "DPS-X509-011"},
	Build: point.Always(provisioning.Deciding.Plan(func(_ point.Call, c *provisioning.Candidate) {
		c.PassOver = c.Enrollment.Kind == enrollment.Group && c.Enrollment.Attestation.Type == dps.AttestationX509
	})),
}, {
	ID: "x509-intermediates-refused", Summary: "refuses chains with an intermediate",
	Catches: []string{"DPS-X509-007"},
	Build: refusing(attestation.Untrusted, func(v *attestation.Verdict) bool {
		return len(v.Proof.Chain) > 1
	}),
}, {
	ID: "x509-any-issuer", Summary: "takes certificates of any issuer",
	Catches: []string{"DPS-X509-008", "DPS-X509-009"},
	Build:   accepting(attestation.Untrusted),
}, {
	ID: "x509-any-name", Summary: "does not hold the common name against the registration id",
	Catches: []string{"DPS-X509-010"},
	Build:   accepting(attestation.WrongName),
}, {
	ID: "x509-expired-taken", Summary: "takes expired certificates",
	Catches: []string{"DPS-X509-012"},
	Build:   accepting(attestation.Expired),
}, {
	ID: "any-credential", Summary: "lets devices in that present nothing of what is enrolled",
	Catches: []string{"DPS-X509-013", "DPS-X509-014"},
	Build:   both(accepting(attestation.NoCredential), onConnect(func(v *mqttfront.Connection) { v.Accept.Code = 0 })),
}}
