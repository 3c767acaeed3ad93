package interop_test

import (
	"crypto/x509"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/dpslab/dpslab/internal/controlapi"
)

// shownEvents is how much of the lab's record a failure shows: the end.
const shownEvents = 120

// control is the control port of the lab around this process.
var control = sync.OnceValues(func() (*controlapi.Client, error) {
	roots, err := labRoots()
	if err != nil {
		return nil, err
	}
	return controlapi.New(os.Getenv("DPSLAB_CONTROL_URL"), os.Getenv("DPSLAB_CONTROL_TOKEN"), roots), nil
})

// labRoots is whom clients of the lab around this process believe.
func labRoots() (*x509.CertPool, error) {
	ca, err := os.ReadFile(os.Getenv("DPSLAB_CA_FILE"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return roots, nil
}

// record is what the lab saw of a device: the device's own connections, and those of back
// ends that name it.
func record(t *testing.T, registration string) string {
	t.Helper()
	client, err := control()
	if err != nil {
		return err.Error()
	}
	events, err := client.Transcript(t.Context(), controlapi.Filter{})
	if err != nil {
		return err.Error()
	}
	about := map[uint64]bool{}
	for _, e := range events {
		if strings.EqualFold(e.Registration, registration) || strings.Contains(e.Summary, registration) {
			about[e.Conn] = true
		}
	}
	var lines []string
	for _, e := range events {
		if !about[e.Conn] {
			continue
		}
		line := fmt.Sprintf("%s conn %d %s %s %s", e.At.Format("15:04:05.000"), e.Conn, e.Service, e.Direction, e.Summary)
		if e.Body != "" {
			line += "\n\t" + strings.ReplaceAll(e.Body, "\n", "\n\t")
		}
		lines = append(lines, line)
	}
	return strings.Join(lines[max(0, len(lines)-shownEvents):], "\n")
}

// telemetry is what a device sent to the hub of a host name.
func telemetry(t *testing.T, host, device string) []controlapi.Telemetry {
	t.Helper()
	client, err := control()
	if err != nil {
		t.Fatal(err)
	}
	hubs, err := client.Hubs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hubs {
		if h.Host == host {
			sent, err := client.Telemetry(t.Context(), h.Name, controlapi.TelemetryFilter{Device: device})
			if err != nil {
				t.Fatal(err)
			}
			return sent
		}
	}
	t.Fatalf("the lab has no hub %q", host)
	return nil
}
