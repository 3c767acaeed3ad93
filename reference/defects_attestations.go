package reference

import (
	"sync"

	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/serviceapi"
)

// attestationDefects are records of odd attestations and policies that are kept wrongly,
// or not at all.
var attestationDefects = point.Catalogue{{
	ID: "service-own-messages", Summary: "says the same of every error of the service API",
	Catches: []string{"DPS-SVC-063"},
	Build:   onOperatorError(func(_ *serviceapi.Reply, d object) { d["message"] = "The request is not valid." }),
}, {
	ID: "webhook-probed", Summary: "refuses webhooks that do not answer",
	Catches: []string{"DPS-SVC-064"},
	Build:   turnDown(`"webhookUrl":"https://web\.hook"`),
}, {
	ID: "webhook-of-custom-alone", Summary: "forgets the webhook of an enrollment whose policy is another than custom",
	Catches: []string{"DPS-SVC-064"},
	Build: onRecord("get", func(d object) {
		if d["allocationPolicy"] != "custom" {
			delete(d, "customAllocationDefinition")
		}
	}),
}, {
	ID: "reprovision-policy-defaulted", Summary: "keeps true in place of what a reprovisionPolicy says",
	Catches: []string{"DPS-SVC-067"},
	Build: onStored(func(e *enrollment.Enrollment) {
		if e.Reprovision != nil {
			e.Reprovision = &enrollment.Reprovision{UpdateHubAssignment: true, MigrateDeviceData: true}
		}
	}),
}, {
	ID: "hub-host-name-alone", Summary: "refuses iotHubHostName beside iotHubs",
	Catches: []string{"DPS-SVC-068"},
	Build:   turnDown(`"iotHubHostName":.*"iotHubs":`),
}, {
	ID: "attestation-fixed", Summary: "keeps the first attestation of a record through updates",
	Catches: []string{"DPS-SVC-069"},
	Build: func(args point.Args) ([]point.Plan, error) {
		var first sync.Map // by id
		return onStored(func(e *enrollment.Enrollment) {
			was, _ := first.LoadOrStore(e.ID, e.Attestation)
			e.Attestation = was.(enrollment.Attestation)
		})(args)
	},
}, {
	ID: "endorsement-key-examined", Summary: "refuses endorsement keys that no TPM has",
	Catches: []string{"DPS-SVC-070"},
	Build:   turnDown(`"endorsementKey":"a"`),
}, {
	ID: "device-information-dropped", Summary: "forgets optionalDeviceInformation",
	Catches: []string{"DPS-SVC-071"},
	Build:   onStored(func(e *enrollment.Enrollment) { e.DeviceInformation = nil }),
}, {
	ID: "primary-certificate-required", Summary: "refuses certificates in the secondary slot alone",
	Catches: []string{"DPS-SVC-077"},
	Build:   turnDown(`"clientCertificates":\{"secondary"`),
}}
