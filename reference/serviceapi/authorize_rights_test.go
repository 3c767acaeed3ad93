package serviceapi_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/sas"
	"github.com/dpslab/dpslab/reference/serviceapi"
)

// rightsOf are the policies with one right each.
var rightsOf = map[string]serviceapi.Rights{
	"reader": serviceapi.EnrollmentRead, "writer": serviceapi.EnrollmentWrite,
	"observer": serviceapi.RegistrationStatusRead, "cleaner": serviceapi.RegistrationStatusWrite,
}

var oneRightKey = bytes.Repeat([]byte{7}, 64)

func policies() []serviceapi.Policy {
	all := []serviceapi.Policy{{Name: "provisioningserviceowner", Primary: policyKey, Secondary: otherKey, Rights: serviceapi.AllRights}}
	for name, rights := range rightsOf {
		all = append(all, serviceapi.Policy{Name: name, Primary: oneRightKey, Secondary: otherKey, Rights: rights})
	}
	return all
}

func TestEachOperationAsksForItsRight(t *testing.T) {
	l := open(t)
	for _, c := range []struct{ method, path, needs string }{
		{"GET", "/enrollments/x", "reader"},
		{"GET", "/enrollmentGroups/x", "reader"},
		{"POST", "/enrollments/query", "reader"},
		{"POST", "/enrollmentGroups/query", "reader"},
		{"PUT", "/enrollments/x", "writer"},
		{"DELETE", "/enrollments/x", "writer"},
		{"DELETE", "/enrollmentGroups/x", "writer"},
		{"POST", "/enrollments", "writer"},
		{"POST", "/enrollments/x/attestationmechanism", "writer"},
		{"GET", "/registrations/x", "observer"},
		{"POST", "/registrations/x/query", "observer"},
		{"DELETE", "/registrations/x", "cleaner"},
	} {
		for name := range rightsOf {
			token := sas.Sign(host, oneRightKey, l.clock.Now().Add(time.Hour), name)
			a := l.do(c.method, c.path+version, "", "Authorization", token)
			if name != c.needs {
				a.refused(t, name+" "+c.method+" "+c.path, 401002)
			} else if a.status == 401 {
				t.Errorf("%s %s %s: %d %s", name, c.method, c.path, a.status, a.body)
			}
		}
	}
}
