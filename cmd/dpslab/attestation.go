package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/pki"
)

// attestationFlags say how an enrollment's devices prove themselves.
type attestationFlags struct {
	key, secondary, certificate, newRoot, endorsement string
	showKeys                                          bool
}

// generate is what --key means without a value: the service makes the keys.
const generate = "generate"

func (a *attestationFlags) add(flags *pflag.FlagSet, k enrollmentKind) {
	flags.StringVar(&a.key, "key", "", "symmetric key as base64; without a value the service makes keys")
	flags.Lookup("key").NoOptDefVal = generate
	flags.StringVar(&a.secondary, "secondary-key", "", "second symmetric key as base64")
	flags.StringVar(&a.certificate, "certificate", "", "PEM file: the device's certificate, or a group's signing certificate")
	flags.BoolVar(&a.showKeys, "show-keys", false, "print the keys that the service answers")
	if k == individuals {
		flags.StringVar(&a.endorsement, "endorsement-key", "", "file with the endorsement key of the device's TPM, as `dpslab tpm` writes it; - reads it from stdin")
	}
	if k == groups {
		flags.StringVar(&a.newRoot, "new-root", "", "make a root certificate and its key in this folder, and use it")
	}
}

func (a *attestationFlags) attestation(k enrollmentKind, id string, stdin io.Reader) (map[string]any, error) {
	if a.newRoot != "" {
		if err := makeRoot(a.newRoot, id); err != nil {
			return nil, err
		}
		a.certificate = filepath.Join(a.newRoot, "root.pem")
	}
	switch {
	case a.endorsement != "":
		key, err := readEndorsementKey(a.endorsement, stdin)
		if err != nil {
			return nil, err
		}
		return map[string]any{"type": "tpm", "tpm": map[string]any{"endorsementKey": key}}, nil
	case a.certificate != "":
		pem, err := os.ReadFile(a.certificate)
		if err != nil {
			return nil, fmt.Errorf("certificate: %w", err)
		}
		return map[string]any{"type": "x509", "x509": map[string]any{
			k.certificates: map[string]any{"primary": map[string]any{"certificate": string(pem)}},
		}}, nil
	case a.key == generate:
		return map[string]any{"type": "symmetricKey"}, nil
	case a.key != "":
		return map[string]any{"type": "symmetricKey", "symmetricKey": map[string]any{"primaryKey": a.key, "secondaryKey": a.secondary}}, nil
	}
	return nil, fmt.Errorf("how do its devices prove themselves? give --key, --certificate FILE or, for one with a TPM, --endorsement-key FILE")
}

// told prints the keys, when they were asked for.
func (a *attestationFlags) told(cmd *cobra.Command, answer devwire.HTTPResponse) error {
	if !a.showKeys {
		return nil
	}
	record, err := answer.JSON()
	if err != nil {
		return err
	}
	attestation, _ := record["attestation"].(map[string]any)
	if keys, ok := attestation["symmetricKey"].(map[string]any); ok {
		fmt.Fprintf(cmd.OutOrStdout(), "primary key   %v\nsecondary key %v\n", keys["primaryKey"], keys["secondaryKey"])
	}
	return nil
}

// makeRoot writes root.pem and root-key.pem, unless they are there.
func makeRoot(folder, name string) error {
	if _, err := os.Stat(filepath.Join(folder, "root.pem")); err == nil {
		return nil
	}
	root, err := pki.NewRoot(name+" root", pki.Options{Now: clock.System().Now()})
	if err != nil {
		return err
	}
	certificates, key, err := root.Save()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "root-key.pem"), key, 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "root.pem"), certificates, 0o644)
}
