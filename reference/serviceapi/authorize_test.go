package serviceapi_test

import (
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/sas"
)

func TestTokens(t *testing.T) {
	l := open(t)
	l.must(200, "PUT", "/enrollments/dev-01"+version, `{"registrationId":"dev-01","attestation":{"type":"symmetricKey"}}`)
	now := l.clock.Now()
	sign := func(resource string, key []byte, expiry time.Time, policy string) string {
		return sas.Sign(resource, key, expiry, policy)
	}
	const owner = "provisioningserviceowner"
	hour := now.Add(time.Hour)
	for _, c := range []struct {
		rule, token string
		ok          bool
	}{
		{"the primary key", sign(host, policyKey, hour, owner), true},
		{"the secondary key", sign(host, otherKey, hour, owner), true},
		{"the host in another case", sign("DEMO.azure-devices-provisioning.net", policyKey, hour, owner), true},
		{"the policy in another case", sign(host, policyKey, hour, "ProvisioningServiceOwner"), true},
		{"a part of the path", sign(host+"/enrollments", policyKey, hour, owner), true},
		{"the whole path", sign(host+"/enrollments/dev-01", policyKey, hour, owner), true},
		{"expired within the drift of clocks", sign(host, policyKey, now.Add(-sas.Skew+time.Minute), owner), true},

		{"none", "", false},
		{"another kind", "Bearer x", false},
		{"another key", sign(host, []byte("0123456789abcdef"), hour, owner), false},
		{"no policy", sign(host, policyKey, hour, ""), false},
		{"an unknown policy", sign(host, policyKey, hour, "other"), false},
		{"another host", sign("other.azure-devices-provisioning.net", policyKey, hour, owner), false},
		{"another path", sign(host+"/enrollmentGroups", policyKey, hour, owner), false},
		{"half a segment of the path", sign(host+"/enroll", policyKey, hour, owner), false},
		{"more than the path", sign(host+"/enrollments/dev-01/x", policyKey, hour, owner), false},
		{"expired", sign(host, policyKey, now.Add(-sas.Skew-time.Minute), owner), false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			a := l.do("GET", "/enrollments/dev-01"+version, "", "Authorization", c.token)
			if c.ok && a.status != 200 {
				t.Errorf("%d %s", a.status, a.body)
			}
			if !c.ok {
				a.refused(t, "GET", 401002)
			}
		})
	}
}

func TestATokenOfTheHostWithItsPort(t *testing.T) {
	l := open(t)
	expiry := l.clock.Now().Add(time.Hour)
	for port, status := range map[string]int{":8443": 404, ":443": 401} {
		token := sas.Sign(host+":8443", policyKey, expiry, "provisioningserviceowner")
		if a := l.do("GET", "/enrollments/x"+version, "", "Authorization", token, "Host", host+port); a.status != status {
			t.Errorf("asked at %s: %d %s", port, a.status, a.body)
		}
	}
}

// The service's clock counts, not the machine's.
func TestATokenExpiresByTheServicesClock(t *testing.T) {
	l := open(t)
	token := sas.Sign(host, policyKey, l.clock.Now().Add(time.Hour), "provisioningserviceowner")
	l.do("GET", "/enrollments/x"+version, "", "Authorization", token).refused(t, "in its time", 404201)
	l.clock.Advance(2 * time.Hour)
	l.do("GET", "/enrollments/x"+version, "", "Authorization", token).refused(t, "after it", 401002)
}

// Who may not ask learns nothing about what is there.
func TestNothingIsToldBeforeTheToken(t *testing.T) {
	l := open(t)
	for _, path := range []string{"/enrollments/x", "/enrollments/x?api-version=1", "/registrations/x" + version, "/enrollments/query" + version} {
		l.do("PATCH", path, "{", "Authorization", "").refused(t, path, 401002)
	}
}
