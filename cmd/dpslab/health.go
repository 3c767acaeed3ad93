package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"
)

// healthTimeout bounds the whole question.
const healthTimeout = 3 * time.Second

func newHealth() *cobra.Command {
	var url, caFile string
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask whether a lab is up: exit code 0 if it is, 2 if not",
		Example: `  dpslab health                               the lab of DPSLAB_CONTROL_URL and DPSLAB_CA_FILE
  dpslab health --control https://127.0.0.1:9443 --ca ca.pem`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if url == "" {
				return fmt.Errorf("no lab to ask: set DPSLAB_CONTROL_URL (dpslab up --env-file FILE writes it) or give --control")
			}
			return askHealth(cmd.Context(), url, caFile)
		},
	}
	cmd.Flags().StringVar(&url, "control", os.Getenv("DPSLAB_CONTROL_URL"), "address of the control port")
	cmd.Flags().StringVar(&caFile, "ca", os.Getenv("DPSLAB_CA_FILE"), "certificates to trust")
	return cmd
}

func askHealth(ctx context.Context, url, caFile string) error {
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return fmt.Errorf("certificates to trust: %w; give them with --ca", err)
	}
	if !roots.AppendCertsFromPEM(pem) {
		return fmt.Errorf("certificates to trust: %s holds none; give the lab's ca.pem with --ca", caFile)
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/healthz", nil)
	if err != nil {
		return err
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}} // and no proxy
	defer transport.CloseIdleConnections()
	answer, err := transport.RoundTrip(r)
	if err != nil {
		return fmt.Errorf("no lab answers: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the lab answered %s", answer.Status)
	}
	return nil
}
