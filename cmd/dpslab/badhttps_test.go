package main

import (
	"crypto/tls"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
)

// Every bad input is answered as the dossiers say, changes nothing, and hurts nobody else:
// a good device registers right after it.
func TestBadInputOverHTTPS(t *testing.T) {
	t.Parallel()
	s := newSeam(t)
	foreign := foreignCertificate(t, "dev-01")
	good := s.identity("dev-01").Token(time.Now())
	expired := devwire.SAS{Resource: devwire.DeviceResource(s.target.DPS.IDScope, "dev-01"), Key: s.identity("dev-01").Key, Expiry: time.Now().Add(-time.Hour)}.Token()
	wrongKey := devwire.SAS{Resource: devwire.DeviceResource(s.target.DPS.IDScope, "dev-01"), Key: make([]byte, 32), Expiry: time.Now().Add(time.Hour)}.Token()
	strangersScope := devwire.Identity{Scope: "0ne0STRANGE", RegistrationID: "dev-01", Key: s.identity("dev-01").Key}
	path := devwire.RegisterPath(s.identity("dev-01"))
	for _, c := range []struct {
		rule        string
		method      string // PUT
		path        string // that of dev-01
		token       string // good
		body        string
		certificate *tls.Certificate
		want        []int
	}{
		{rule: "a wrong key", token: wrongKey, want: []int{401}},
		{rule: "an expired token", token: expired, want: []int{401}},
		{rule: "the token of another device", token: s.identity("dev-02").Token(time.Now()), want: []int{401}},
		{rule: "the group's own key", token: devwire.SAS{Resource: devwire.DeviceResource(s.target.DPS.IDScope, "dev-01"), Key: s.key, Expiry: time.Now().Add(time.Hour)}.Token(), want: []int{401}},
		{rule: "no token", token: "-", want: []int{401}},
		{rule: "a token that is none", token: "SharedAccessSignature nonsense", want: []int{401}},
		{rule: "a device that nobody enrolled", path: strings.ReplaceAll(path, "dev-01", "dev.01*"), want: []int{400, 401, 404}},
		{rule: "an unknown scope", path: devwire.RegisterPath(strangersScope), token: strangersScope.Token(time.Now()), want: []int{401, 404}},
		{rule: "a certificate of a foreign authority", token: "-", certificate: &foreign, want: []int{401}},
		{rule: "broken JSON", body: `{"registrationId":"dev-01","payload":{`, want: []int{400}},
		{rule: "JSON that is no object", body: `[1,2,3]`, want: []int{400}},
		{rule: "two documents", body: `{"registrationId":"dev-01"}{"registrationId":"dev-02"}`, want: []int{400}},
		{rule: "JSON a thousand deep", body: `{"payload":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`, want: []int{400}},
		{rule: "the id of another device", body: `{"registrationId":"dev-02"}`, want: []int{400}},
		{rule: "an oversized body", body: `{"registrationId":"dev-01","payload":"` + strings.Repeat("x", 300<<10) + `"}`, want: []int{400, 413}},
		{rule: "a method that is none", method: "BREW", want: []int{404, 405}},
		{rule: "an unknown path", path: "/nothing/here?api-version=2019-03-31", want: []int{404}},
		{rule: "a path that climbs", path: strings.Replace(path, "/register?", "/../../register?", 1), want: []int{400, 404}},
		{rule: "no api-version", path: strings.Split(path, "?")[0], want: []int{400}},
		{rule: "an unknown api-version", path: strings.Split(path, "?")[0] + "?api-version=1999-01-01", want: []int{400}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			before := s.stored(t)
			r := devwire.HTTPRequest{Method: "PUT", Path: path, Body: []byte(`{"registrationId":"dev-01"}`), Header: http.Header{"Content-Type": {"application/json"}, "Authorization": {good}}}
			if c.method != "" {
				r.Method = c.method
			}
			if c.path != "" {
				r.Path = c.path
			}
			if c.body != "" {
				r.Body = []byte(c.body)
			}
			if c.token == "-" {
				delete(r.Header, "Authorization")
			} else if c.token != "" {
				r.Header.Set("Authorization", c.token)
			}
			client := s.wire.HTTP(s.target.Device(), devwire.DialOptions{Certificate: c.certificate})
			defer client.Close()
			answer, err := client.Do(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(c.want, answer.Status) {
				t.Errorf("%v", answer)
			}
			isDocumented(t, answer.Status, answer.Error(), answer.Body)
			s.unhurt(t, before)
		})
	}
}
