package tpm

import (
	"context"

	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// hubChecks are about the key that a device with a TPM has at its hub.
var hubChecks = []harness.Check{{
	Requirement: "DPS-TPM-006",
	Title:       "an assigned device is given a key that its TPM takes and that opens the hub",
	Transports:  over,
	Needs:       []harness.Need{harness.NeedHub},
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := device(ctx, env, t)
		assigned := d.Assigned(ctx, t)
		blob, err := assigned.TPMKey()
		t.Answered(err, "read the key for the hub")
		t.Expect(blob).NotTo(BeEmpty())
		t.Expect(d.AtHub(t, assigned).Try(ctx, t)).To(harness.BeAccepted())
		stranger := *d
		stranger.TPM = forging(d).TPM
		t.Expect(stranger.AtHub(t, assigned).Try(ctx, t)).To(harness.BeRefused())
	},
}}
