package attestation_test

import (
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/sas"
	"github.com/dpslab/dpslab/reference/attestation"
)

// Every verdict passes the point, where a plan may turn it around.
func TestAPlanSeesAndChangesEveryVerdict(t *testing.T) {
	var seen []attestation.Verdict
	set := point.NewSet(clock.Frozen(noon))
	arm(t, set, func(v *attestation.Verdict) {
		seen = append(seen, *v)
		v.Reason = attestation.Accepted
	})
	judge := attestation.Judge{Points: set}
	signed := proof(sas.Sign(scope+"/registrations/"+device, other, noon.Add(time.Hour), ""))
	for what, got := range map[string]attestation.Reason{
		"no token":             judge.SymmetricKey(t.Context(), proof(""), nil),
		"no certificate":       judge.ClientCertificate(t.Context(), presenting(), nil),
		"no chain":             judge.Issuer(t.Context(), presenting(), nil),
		"nobody's chain":       judge.Foreign(t.Context(), presenting(chain(t, self(t, device))...)),
		"a malformed token":    judge.SymmetricKey(t.Context(), proof("no"), nil),
		"a wrongly signed one": judge.SymmetricKey(t.Context(), signed, [][]byte{key}),
	} {
		if got != attestation.Accepted {
			t.Errorf("%s: %s", what, got)
		}
	}
	want := map[attestation.Reason]int{
		attestation.NoCredential: 3, attestation.Untrusted: 1, attestation.Malformed: 1, attestation.BadSignature: 1,
	}
	for _, v := range seen {
		want[v.Reason]--
		if v.Reason == attestation.BadSignature && (v.Token.Resource == "" || v.Proof.Token != signed.Token) {
			t.Errorf("the plan does not see the token: %+v", v)
		}
	}
	for reason, left := range want {
		if left != 0 {
			t.Errorf("%s: %d verdicts fewer than given", reason, left)
		}
	}
}

func arm(t *testing.T, s *point.Set, act func(*attestation.Verdict)) {
	t.Helper()
	plan := attestation.Judged.Plan(func(_ point.Call, v *attestation.Verdict) { act(v) })
	if _, err := s.Arm(point.Entry{ID: "test", Build: point.Always(plan)}, point.Address{}, nil); err != nil {
		t.Fatal(err)
	}
}

func TestEveryReasonHasAWord(t *testing.T) {
	words := map[string]attestation.Reason{}
	for r := attestation.Accepted; r <= attestation.Untrusted; r++ {
		if other, twice := words[r.String()]; twice || r.String() == "" {
			t.Errorf("%d and %d are both %q", other, r, r)
		}
		words[r.String()] = r
	}
}
