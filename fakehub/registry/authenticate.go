package registry

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"

	"github.com/dpslab/dpslab/internal/sas"
)

// Credential is what a device shows. Either part may be missing; when both are there,
// the identity's authentication type decides which one counts (iot-hub.md 1.3).
type Credential struct {
	Token       *sas.Token
	Certificate *x509.Certificate // the leaf
}

// Reason is why a device was refused. On the wire every reason looks the same.
type Reason string

const (
	UnknownDevice      Reason = "unknown device"
	DeviceDisabled     Reason = "device disabled"
	NoToken            Reason = "no SAS token"
	TokenForAnother    Reason = "SAS token for another resource"
	WrongSignature     Reason = "SAS token signed with neither key"
	TokenExpired       Reason = "SAS token expired"
	NoCertificate      Reason = "no client certificate"
	WrongThumbprint    Reason = "certificate with neither thumbprint"
	CertificateInvalid Reason = "certificate outside its validity"
	NotSupported       Reason = "authentication type that this hub cannot verify"
)

// Refusal is the error of a device that is not let in.
type Refusal struct {
	DeviceID string
	Reason   Reason
}

func (r *Refusal) Error() string { return fmt.Sprintf("device %q refused: %s", r.DeviceID, r.Reason) }

// Authenticate checks a device's credential. Its error is a *Refusal.
func (r *Registry) Authenticate(deviceID string, c Credential) error {
	r.mu.Lock()
	d, known := r.devices[deviceID]
	var identity Identity
	if known {
		identity = d.identity
	}
	r.mu.Unlock()
	if reason := r.check(known, identity, deviceID, c); reason != "" {
		return &Refusal{deviceID, reason}
	}
	return nil
}

func (r *Registry) check(known bool, identity Identity, deviceID string, c Credential) Reason {
	switch {
	case !known:
		return UnknownDevice
	case identity.Status == Disabled:
		return DeviceDisabled
	}
	switch identity.Authentication.Type {
	case SAS:
		return r.checkToken(deviceID, identity.Authentication.Keys, c.Token)
	case SelfSigned:
		return r.checkCertificate(identity.Authentication.Thumbprints, c.Certificate)
	}
	// No CA is verified at this hub: that is done on Azure's management plane.
	return NotSupported
}

func (r *Registry) checkToken(deviceID string, keys Keys, t *sas.Token) Reason {
	switch {
	case t == nil:
		return NoToken
	case !t.Covers(r.host + "/devices/" + deviceID):
		return TokenForAnother
	case !signedBy(t, keys.Primary) && !signedBy(t, keys.Secondary): // [DPS-HUB-008] [DPS-HUB-006]
		return WrongSignature
	case t.Expired(r.clock.Now()): // [DPS-HUB-010]
		return TokenExpired
	}
	return ""
}

func signedBy(t *sas.Token, key string) bool {
	raw, err := base64.StdEncoding.DecodeString(key)
	return err == nil && len(raw) > 0 && t.VerifiedBy(raw)
}

func (r *Registry) checkCertificate(prints Thumbprints, leaf *x509.Certificate) Reason {
	if leaf == nil {
		return NoCertificate
	}
	if !matches(prints.Primary, leaf) && !matches(prints.Secondary, leaf) { // [DPS-HUB-011]
		return WrongThumbprint
	}
	if now := r.clock.Now(); now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
		return CertificateInvalid
	}
	return ""
}

// matches compares a thumbprint of either length.
func matches(print string, leaf *x509.Certificate) bool {
	want, err := hex.DecodeString(print)
	if err != nil || len(want) == 0 {
		return false
	}
	short, long := sha1.Sum(leaf.Raw), sha256.Sum256(leaf.Raw)
	return subtle.ConstantTimeCompare(want, short[:]) == 1 || subtle.ConstantTimeCompare(want, long[:]) == 1
}
