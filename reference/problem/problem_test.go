package problem_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/reference/problem"
)

func TestClassIsTheCodesThousands(t *testing.T) {
	for p, want := range map[*problem.Error]int{
		problem.InvalidArgument("x"): 400, problem.UnsupportedAPIVersion("x"): 400, problem.Unauthorized(): 401,
		problem.InvalidCertificate(): 401, problem.ScopeNotFound(): 404, problem.OperationNotFound(): 404,
		problem.MethodNotAllowed(): 405, problem.AlreadyExists("x"): 409, problem.ConcurrentRegistration(): 409,
		problem.PreconditionFailed(): 412, problem.TooLarge(): 413, problem.UnsupportedMediaType(): 415,
		problem.Throttled(0): 429, problem.Internal(): 500,
	} {
		if p.Class() != want {
			t.Errorf("%v is of class %d", p, p.Class())
		}
	}
}

// The text of a foreign error may speak of hosts and files, so it stays inside.
func TestAForeignErrorIsAnInternalOne(t *testing.T) {
	if p := problem.As(errors.New("open /var/secret: denied")); p.Code != 500000 || strings.Contains(p.Message, "secret") {
		t.Errorf("%v", p)
	}
	want := problem.OperationNotFound()
	if got := problem.As(fmt.Errorf("poll: %w", want)); got != want {
		t.Errorf("%v", got)
	}
}

// Devices must not learn which part of their proof was wrong from its code.
func TestBadTokensAndBadCertificatesShareTheirCode(t *testing.T) {
	if a, b := problem.Unauthorized().Code, problem.InvalidCertificate().Code; a != b {
		t.Errorf("%d and %d", a, b)
	}
}
