package sut_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/suites/sut"
)

// keyPair writes an authority beside a target file.
func keyPair(t *testing.T, folder string, mode os.FileMode) {
	t.Helper()
	root, err := pki.NewRoot("plant", pki.Options{Now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	certificates, key, err := root.Save()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"plant.pem": certificates, "plant.key": key} {
		file := filepath.Join(folder, name)
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
	}
}

const gateway = `dpslab: target/v1
dps: {host: gateway.test, id_scope: s, address: 192.0.2.1}
enrollments:
  - group_id: plant
    certificate_file: plant.pem
    key_file: plant.key
`

func gatewayFile(t *testing.T, mode os.FileMode) string {
	t.Helper()
	folder := t.TempDir()
	keyPair(t, folder, mode)
	file := filepath.Join(folder, "gateway.yaml")
	if err := os.WriteFile(file, []byte(gateway), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestFilesAreFoundBesideTheTargetFile(t *testing.T) {
	target, err := sut.Load(gatewayFile(t, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	pair := target.Enrollments[0].Files()
	a, err := pair.Authority()
	if err != nil || a.Certificate.Subject.CommonName != "plant" {
		t.Errorf("%v %v", a, err)
	}
	if c, err := pair.Certificate(); err != nil || len(c.Certificate) != 1 {
		t.Errorf("%v", err)
	}
	if primary, _ := target.Enrollments[0].Keys(); primary != nil {
		t.Errorf("an enrollment by certificate has the key %v", primary)
	}
}

func TestAKeyFileThatOthersReadIsRefusedWithItsLine(t *testing.T) {
	_, err := sut.Load(gatewayFile(t, 0o644))
	if err == nil || !strings.Contains(err.Error(), "gateway.yaml: [6:15] enrollments[0].key_file") || !strings.Contains(err.Error(), "0600") {
		t.Errorf("%v", err)
	}
}

func TestAForeignTargetHasTheDocumentedQuotas(t *testing.T) {
	own := "dpslab: target/v1\ndps: {host: h.test, id_scope: s, address: 192.0.2.1, service_connection_string: 'HostName=h.test'}\n"
	for _, c := range []struct {
		rule, more string
		want       sut.Quotas
	}{
		{"a lab has none", "", sut.Quotas{}},
		{"a lab may set one", "quotas: {registrations_per_minute: 7}\n", sut.Quotas{RegistrationsPerMinute: 7}},
		{"a foreign target has all", "foreign: true\n", sut.DocumentedQuotas},
		{"what the file says goes first", "foreign: true\nquotas: {hub_queries_per_minute: 40}\n", func() sut.Quotas {
			q := sut.DocumentedQuotas
			q.HubQueriesPerMinute = 40
			return q
		}()},
	} {
		target, err := sut.Parse([]byte(own+c.more), 0o600, fileLookup)
		if err != nil || target.Quotas != c.want {
			t.Errorf("%s: %+v, %v", c.rule, target.Quotas, err)
		}
	}
}

func TestWhatIsNotClaimed(t *testing.T) {
	if !sut.Claims(nil, "mqtt") || !sut.Claims([]string{"https", "mqtt"}, "mqtt") || sut.Claims([]string{"https"}, "mqtt") {
		t.Error("a list claims its words, and no list claims all")
	}
}
