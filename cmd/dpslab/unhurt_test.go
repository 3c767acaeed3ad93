package main

import (
	"context"
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/pki"
)

// isDocumented demands the error document of device-api.md 1.6.
func isDocumented(t *testing.T, status int, e *devwire.ErrorDocument, body []byte) {
	t.Helper()
	if e == nil {
		t.Errorf("no error document: %d %q", status, body)
		return
	}
	_, err := time.Parse(time.RFC3339Nano, e.TimestampUTC)
	if e.ErrorCode/1000 != status || e.TrackingID == "" || e.Message == "" || err != nil {
		t.Errorf("%d with error document %+v", status, *e)
	}
}

// stored is everything that the service API shows of enrollments and registrations.
func (s *seam) stored(t *testing.T) string {
	t.Helper()
	client := s.service(t)
	var all []string
	for _, collection := range []string{"/enrollments", "/enrollmentGroups", devwire.RegistrationPath("g")} {
		answer, err := client.Query(context.Background(), collection, "SELECT * FROM c", 0, "")
		if err != nil || answer.Status != 200 {
			t.Fatalf("%s: %v %v", collection, answer, err)
		}
		all = append(all, string(answer.Body))
	}
	return strings.Join(all, "\n")
}

// unhurt demands that nothing has changed, and that a good device registers.
func (s *seam) unhurt(t *testing.T, before string) {
	t.Helper()
	if after := s.stored(t); after != before {
		t.Errorf("the store changed from\n%s\nto\n%s", before, after)
	}
	if answer := s.provision(t, dps.HTTPS, "good"); answer.Status != dps.StatusAssigned {
		t.Errorf("a good device after it: %v", answer)
	}
}

func foreignCertificate(t *testing.T, commonName string) tls.Certificate {
	t.Helper()
	root, err := pki.NewRoot("somebody else's", pki.Options{Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := root.Device(commonName, pki.Options{Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}
