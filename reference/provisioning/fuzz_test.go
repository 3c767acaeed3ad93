package provisioning_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/sas"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/provisioning"
	"github.com/dpslab/dpslab/reference/registration"
)

// Whatever a device claims, Attest answers, and lets in valid ids only, and only by a token
// that names them.
func FuzzAttest(f *testing.F) {
	enrollments := enrollment.NewMemory()
	for _, e := range []enrollment.Enrollment{individual("dev-01"), keyGroup("line-a")} {
		if err := enrollments.Create(f.Context(), e); err != nil {
			f.Fatal(err)
		}
	}
	s := provisioning.New(provisioning.Options{
		Name: "demo", Scope: scope, Enrollments: enrollments, Registrations: registration.NewMemory(),
		Clock: clock.Frozen(noon), Logger: slog.New(slog.DiscardHandler),
	})
	signed := func(id string, key []byte) string {
		return sas.Sign(scope+"/registrations/"+id, key, noon.Add(time.Hour), "registration")
	}
	f.Add("dev-01", signed("dev-01", primaryKey))
	f.Add("dev-02", signed("dev-02", derived(groupKey, "dev-02")))
	f.Add("Dev-02", signed("DEV-02", derived(groupKey, "dev-02")))
	f.Add("dev-01", "SharedAccessSignature sr=&sig=&se=")
	f.Add("a b", signed("a b", derived(groupKey, "a b")))
	f.Add("", "")
	f.Fuzz(func(t *testing.T, id, token string) {
		a, err := s.Attest(t.Context(), provisioning.Claim{RegistrationID: id, APIVersion: newVersion, Token: token, PresentedAt: noon})
		if err != nil {
			return
		}
		if !enrollment.ValidID(id) {
			t.Errorf("let in as %q", id)
		}
		if parsed, err := sas.Parse(token); err != nil || !parsed.Names(scope+"/registrations/"+id) {
			t.Errorf("%q was let in by %s, %v", id, parsed, err)
		}
		if a.RegistrationID != id {
			t.Errorf("%q was let in as %q", id, a.RegistrationID)
		}
	})
}
