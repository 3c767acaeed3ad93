package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/simulator/tpm"
)

const emulatedTPM = "emulated"

func newTPM() *cobra.Command {
	var where string
	cmd := &cobra.Command{
		Use:   "tpm REGISTRATION-ID",
		Short: "Print the endorsement key of a device's TPM, for its enrollment",
		Long: `Print the endorsement key of a device's TPM as base64, for its enrollment. An emulated TPM is
made from the registration id, the same each time: whoever knows the id has the key. It is
for trying things out, and protects nothing.`,
		Example: `  dpslab tpm gate-01                          into dpslab enroll individual gate-01 --endorsement-key -
  dpslab tpm gate-02 --tpm /dev/tpmrm0
  dpslab tpm gate-03 --tpm unix:/run/swtpm.sock`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			module, err := openTPM(where, args[0])
			if err != nil {
				return err
			}
			if closer, ok := module.(io.Closer); ok {
				defer closer.Close()
			}
			key, err := module.EndorsementKey()
			if err != nil {
				return fmt.Errorf("read the endorsement key: %w", err)
			}
			fmt.Fprintln(cmd.OutOrStdout(), base64.StdEncoding.EncodeToString(key))
			return nil
		},
	}
	cmd.Flags().StringVar(&where, "tpm", emulatedTPM, "emulated, a device file such as /dev/tpmrm0, or unix:PATH of a socket")
	return cmd
}

// openTPM is the TPM that the word of --tpm names. An emulated one belongs to its device's
// registration id, in whatever case.
func openTPM(word, registrationID string) (devwire.TPM, error) {
	if word == emulatedTPM {
		return tpm.New([]byte("dpslab device " + strings.ToLower(registrationID))), nil
	}
	module, err := tpm.Open(strings.TrimPrefix(word, "unix:"))
	if err != nil {
		return nil, fmt.Errorf("--tpm %s: %w; give emulated, a device file such as /dev/tpmrm0, or unix:PATH of a socket", word, err)
	}
	return module, nil
}

// maxEndorsementKey bounds a file with one; the standard one has 424 characters.
const maxEndorsementKey = 4 << 10

// readEndorsementKey reads the key as base64 from a file, or from stdin for "-".
func readEndorsementKey(name string, stdin io.Reader) (string, error) {
	from := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", fmt.Errorf("--endorsement-key: %w", err)
		}
		defer f.Close()
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, maxEndorsementKey))
	if err != nil {
		return "", fmt.Errorf("--endorsement-key: %w", err)
	}
	key := strings.TrimSpace(string(text))
	if b, err := base64.StdEncoding.DecodeString(key); err != nil || len(b) == 0 {
		return "", errors.New("--endorsement-key: that is no endorsement key in base64; `dpslab tpm` prints one")
	}
	return key, nil
}
