package harness_test

import (
	"context"
	"crypto"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/sut"
	. "github.com/onsi/gomega"
)

// readyMade is a target with n individual enrollments by keys, and what more says.
func readyMade(t *testing.T, n int, more ...sut.Enrollment) sut.Target {
	t.Helper()
	_, target := startScript(t)
	target.Control, target.DPS.ServiceConnectionString = nil, ""
	for i := range n {
		target.Enrollments = append(target.Enrollments, sut.Enrollment{
			RegistrationID: fmt.Sprint("bench-", i+1), PrimaryKey: sut.Secret(key), SecondaryKey: sut.Secret(key),
		})
	}
	target.Enrollments = append(target.Enrollments, more...)
	return target
}

func group(id string) sut.Enrollment {
	return sut.Enrollment{GroupID: id, PrimaryKey: sut.Secret(key), SecondaryKey: sut.Secret(key)}
}

// pemPair writes a certificate and its key.
func pemPair(t *testing.T, certificates, privateKey []byte) (e sut.Enrollment) {
	t.Helper()
	folder := t.TempDir()
	e.CertificateFile, e.KeyFile = filepath.Join(folder, "c.pem"), filepath.Join(folder, "k.pem")
	for file, text := range map[string][]byte{e.CertificateFile: certificates, e.KeyFile: privateKey} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

func TestReadyMadeEnrollmentsAreUsed(t *testing.T) {
	root, err := pki.NewRoot("plant", pki.Options{Now: clock.System().Now()})
	if err != nil {
		t.Fatal(err)
	}
	certificates, privateKey, err := root.Save()
	if err != nil {
		t.Fatal(err)
	}
	plant := pemPair(t, certificates, privateKey)
	plant.GroupID = "plant"
	env := open(t, readyMade(t, 1, group("line"), plant))
	r := run(t, env, ofDevices, func(ctx context.Context, env *harness.Env, t *harness.T) {
		service := env.Service(ctx, t)
		device := service.SymmetricKeyDevice(ctx, t)
		t.Expect(device.RegistrationID).To(Equal("bench-1"))
		t.Expect(base64.StdEncoding.EncodeToString(device.Key)).To(Equal(key))
		t.Expect(device.Try(ctx, t)).To(harness.BeAccepted())
		line := service.SymmetricKeyGroup(ctx, t)
		t.Expect(line.ID).To(Equal("line"))
		t.Expect(line.Device(t).RegistrationID).NotTo(Equal(line.Device(t).RegistrationID))
		t.Expect(harness.Leaf(*service.X509Group(ctx, t).Device(t).Certificate).Issuer.CommonName).To(Equal("plant"))
	})
	if r.Outcome != reports.Passed {
		t.Errorf("%s %s %s", r.Outcome, r.Failure, r.Reason)
	}
}

func TestWhatReadyMadeEnrollmentsCannotServeIsSkipped(t *testing.T) {
	env := open(t, readyMade(t, 1, group("line")))
	for rule, c := range map[string]struct {
		check func(ctx context.Context, s *harness.Service, t *harness.T)
		says  string
	}{
		"members of the check's own": {func(ctx context.Context, s *harness.Service, t *harness.T) {
			s.SymmetricKeyDevice(ctx, t, harness.Members{"provisioningStatus": "disabled"})
		}, "an enrollment with provisioningStatus of its own"},
		"an attestation that is not there": {func(ctx context.Context, s *harness.Service, t *harness.T) { s.X509Device(ctx, t) }, "by x509"},
		"two groups of one": {func(ctx context.Context, s *harness.Service, t *harness.T) {
			s.SymmetricKeyGroup(ctx, t)
			s.SymmetricKeyGroup(ctx, t)
		}, "needs 2 enrollment groups by symmetric-key"},
		"no second device of one": {func(ctx context.Context, s *harness.Service, t *harness.T) {
			s.SymmetricKeyDevice(ctx, t)
			s.SymmetricKeyDevice(ctx, t)
		}, "more individual enrollments by symmetric-key"},
	} {
		r := run(t, env, ofDevices, func(ctx context.Context, env *harness.Env, t *harness.T) { c.check(ctx, env.Service(ctx, t), t) })
		if r.Outcome != reports.Skipped || !strings.Contains(r.Reason, c.says) {
			t.Errorf("%s: %s %s %s", rule, r.Outcome, r.Reason, r.Failure)
		}
	}
}

func TestAnIndividualEnrollmentServesOneCheckAtATime(t *testing.T) {
	env := open(t, readyMade(t, 3))
	var mu sync.Mutex
	held := map[string]bool{}
	var passed atomic.Int32
	var lanes sync.WaitGroup
	for lane := range 12 {
		lanes.Go(func() {
			r := run(t, env, ofDevices, func(ctx context.Context, env *harness.Env, t *harness.T) {
				service := env.Service(ctx, t)
				for range 1 + lane%2 {
					id := service.SymmetricKeyDevice(ctx, t).RegistrationID
					mu.Lock()
					twice := held[id]
					held[id] = true
					mu.Unlock()
					t.Expect(twice).To(BeFalse(), "%s serves two checks", id)
					t.Cleanup(func(context.Context) {
						mu.Lock()
						defer mu.Unlock()
						held[id] = false
					})
				}
			})
			if r.Outcome == reports.Passed {
				passed.Add(1)
			} else {
				t.Errorf("%s %s %s", r.Outcome, r.Failure, r.Reason)
			}
		})
	}
	lanes.Wait()
	if passed.Load() != 12 {
		t.Errorf("%d passed", passed.Load())
	}
}

func TestAReadyMadeCertificateIsOfItsDevice(t *testing.T) {
	leaf, err := pki.SelfSigned("somebody-else", pki.Options{Now: clock.System().Now()})
	if err != nil {
		t.Fatal(err)
	}
	privateKey, err := pki.MarshalKey(leaf.PrivateKey.(crypto.Signer))
	if err != nil {
		t.Fatal(err)
	}
	e := pemPair(t, pki.PEM(harness.Leaf(leaf)), privateKey)
	e.RegistrationID = "bench-1"
	_, err = harness.Open(context.Background(), readyMade(t, 0, e))
	if err == nil || !strings.Contains(err.Error(), `enrollments[0]`) || !strings.Contains(err.Error(), `"somebody-else"`) {
		t.Errorf("%v", err)
	}
}

// ofDevices is a requirement of a family that does without the service API.
const ofDevices = "DPS-MQTT-003"
