package registry_test

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"github.com/dpslab/dpslab/fakehub/registry"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/internal/sas"
)

func token(t *testing.T, resource, key string, expiry time.Time) *sas.Token {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := sas.Parse(sas.Sign(resource, raw, expiry, ""))
	if err != nil {
		t.Fatal(err)
	}
	return &parsed
}

func certificate(t *testing.T) *x509.Certificate {
	t.Helper()
	made, err := pki.SelfSigned("d1", pki.Options{Now: noon, Lifetime: 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(made.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

func TestAuthenticate(t *testing.T) {
	leaf, other := certificate(t), certificate(t)
	short, long := sha1.Sum(leaf.Raw), sha256.Sum256(leaf.Raw)
	later := noon.Add(time.Hour)
	mine := host + "/devices/d1"
	keyed := registry.Authentication{Keys: bothKeys}
	printed := func(primary, secondary string) registry.Authentication {
		return registry.Authentication{Thumbprints: registry.Thumbprints{Primary: primary, Secondary: secondary}}
	}
	sha1Hex, sha256Hex := hex.EncodeToString(short[:]), hex.EncodeToString(long[:])

	for rule, tc := range map[string]struct {
		identity registry.Identity
		shows    registry.Credential
		want     registry.Reason
	}{
		"the primary key":            {registry.Identity{Authentication: keyed}, registry.Credential{Token: token(t, mine, bothKeys.Primary, later)}, ""},
		"the secondary key":          {registry.Identity{Authentication: keyed}, registry.Credential{Token: token(t, mine, bothKeys.Secondary, later)}, ""},
		"another key":                {registry.Identity{Authentication: keyed}, registry.Credential{Token: token(t, mine, key('z'), later)}, registry.WrongSignature},
		"the host in capitals":       {registry.Identity{Authentication: keyed}, registry.Credential{Token: token(t, "HUB-1.azure-devices.net/devices/d1", bothKeys.Primary, later)}, ""},
		"another device's resource":  {registry.Identity{Authentication: keyed}, registry.Credential{Token: token(t, host+"/devices/d2", bothKeys.Primary, later)}, registry.TokenForAnother},
		"another hub's resource":     {registry.Identity{Authentication: keyed}, registry.Credential{Token: token(t, "hub-2.azure-devices.net/devices/d1", bothKeys.Primary, later)}, registry.TokenForAnother},
		"an expired token":           {registry.Identity{Authentication: keyed}, registry.Credential{Token: token(t, mine, bothKeys.Primary, noon.Add(-sas.Skew))}, registry.TokenExpired},
		"expired within the skew":    {registry.Identity{Authentication: keyed}, registry.Credential{Token: token(t, mine, bothKeys.Primary, noon.Add(time.Second-sas.Skew))}, ""},
		"expired and wrongly signed": {registry.Identity{Authentication: keyed}, registry.Credential{Token: token(t, mine, key('z'), noon.Add(-time.Hour))}, registry.WrongSignature},
		"no token":                   {registry.Identity{Authentication: keyed}, registry.Credential{}, registry.NoToken},
		"a certificate for a key":    {registry.Identity{Authentication: keyed}, registry.Credential{Certificate: leaf}, registry.NoToken},
		"token and certificate":      {registry.Identity{Authentication: keyed}, registry.Credential{Token: token(t, mine, bothKeys.Primary, later), Certificate: leaf}, ""},
		"disabled":                   {registry.Identity{Status: registry.Disabled, Authentication: keyed}, registry.Credential{Token: token(t, mine, bothKeys.Primary, later)}, registry.DeviceDisabled},
		"SHA-1":                      {registry.Identity{Authentication: printed(sha1Hex, "")}, registry.Credential{Certificate: leaf}, ""},
		"SHA-256, secondary":         {registry.Identity{Authentication: printed(sha1Hex[:38]+"00", sha256Hex)}, registry.Credential{Certificate: leaf}, ""},
		"another certificate":        {registry.Identity{Authentication: printed(sha1Hex, sha256Hex)}, registry.Credential{Certificate: other}, registry.WrongThumbprint},
		"a token for a thumbprint":   {registry.Identity{Authentication: printed(sha1Hex, "")}, registry.Credential{Token: token(t, mine, bothKeys.Primary, later)}, registry.NoCertificate},
		"no CA at the hub": {registry.Identity{Authentication: registry.Authentication{Type: registry.CertificateAuthority}},
			registry.Credential{Certificate: leaf}, registry.NotSupported},
		"type none": {registry.Identity{Authentication: registry.Authentication{Type: registry.None}}, registry.Credential{}, registry.NotSupported},
	} {
		t.Run(rule, func(t *testing.T) {
			r, _ := newRegistry(t)
			tc.identity.DeviceID = "d1"
			if _, err := r.Create(tc.identity); err != nil {
				t.Fatal(err)
			}
			wantReason(t, r.Authenticate("d1", tc.shows), tc.want)
		})
	}
	r, _ := newRegistry(t)
	wantReason(t, r.Authenticate("d1", registry.Credential{}), registry.UnknownDevice)
}

func TestAnExpiredCertificateIsRefused(t *testing.T) {
	leaf := certificate(t)
	print := sha256.Sum256(leaf.Raw)
	c := clock.NewMovable(clock.Frozen(noon))
	r := registry.New(registry.Options{Host: host, Clock: c})
	if _, err := r.Create(registry.Identity{DeviceID: "d1",
		Authentication: registry.Authentication{Thumbprints: registry.Thumbprints{Primary: hex.EncodeToString(print[:])}}}); err != nil {
		t.Fatal(err)
	}
	wantReason(t, r.Authenticate("d1", registry.Credential{Certificate: leaf}), "")
	c.Advance(25 * time.Hour)
	wantReason(t, r.Authenticate("d1", registry.Credential{Certificate: leaf}), registry.CertificateInvalid)
}

func wantReason(t *testing.T, err error, want registry.Reason) {
	t.Helper()
	var refusal *registry.Refusal
	switch {
	case err == nil && want == "":
	case errors.As(err, &refusal) && refusal.Reason == want:
	default:
		t.Fatalf("got %v, want %q", err, want)
	}
}
