package sut

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"os"

	"github.com/dpslab/dpslab/internal/pki"
)

// KeyPair names two PEM files. A relative path is relative to the target file, and the
// key's file must be readable by its owner alone.
type KeyPair struct {
	CertificateFile string `yaml:"certificate_file"`
	KeyFile         string `yaml:"key_file"`
}

// Authority reads the pair as a certificate authority; further certificates of the file
// are its issuers.
func (k KeyPair) Authority() (*pki.Authority, error) {
	certificates, key, err := k.read()
	if err != nil {
		return nil, err
	}
	a, err := pki.Load(certificates, key)
	if err != nil {
		return nil, fmt.Errorf("%s with %s: %w", k.CertificateFile, k.KeyFile, err)
	}
	return a, nil
}

// Certificate reads the pair as a device's: the leaf first, then what it presents with it.
func (k KeyPair) Certificate() (tls.Certificate, error) {
	certificates, key, err := k.read()
	if err != nil {
		return tls.Certificate{}, err
	}
	pair, err := tls.X509KeyPair(certificates, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("%s with %s: %w", k.CertificateFile, k.KeyFile, err)
	}
	return pair, nil
}

func (k KeyPair) read() (certificates, key []byte, err error) {
	if certificates, err = os.ReadFile(k.CertificateFile); err != nil {
		return nil, nil, err
	}
	key, err = os.ReadFile(k.KeyFile)
	return certificates, key, err
}

// Enrollment is one that exists at the target: of one device or of a group, by symmetric
// keys or by certificate. A device's certificate file holds its own chain; a group's holds
// the certificate that signs its devices', with the key that does.
type Enrollment struct {
	RegistrationID  string `yaml:"registration_id,omitempty"` // of an individual enrollment
	GroupID         string `yaml:"group_id,omitempty"`        // of an enrollment group
	PrimaryKey      Secret `yaml:"primary_key,omitempty"`     // base64
	SecondaryKey    Secret `yaml:"secondary_key,omitempty"`
	CertificateFile string `yaml:"certificate_file,omitempty"`
	KeyFile         string `yaml:"key_file,omitempty"`
}

// Files are the enrollment's certificate and key.
func (e Enrollment) Files() KeyPair { return KeyPair{e.CertificateFile, e.KeyFile} }

// Keys decodes the symmetric keys; they are nil for an enrollment by certificate.
func (e Enrollment) Keys() (primary, secondary []byte) {
	decode := func(s Secret) []byte {
		key, _ := base64.StdEncoding.DecodeString(s.Reveal()) // check has seen that it is base64
		return key
	}
	if e.PrimaryKey == "" {
		return nil, nil
	}
	return decode(e.PrimaryKey), decode(e.SecondaryKey)
}

// check returns the field that is wrong, "" for the enrollment as a whole.
func (e Enrollment) check() (string, error) {
	switch {
	case (e.RegistrationID == "") == (e.GroupID == ""):
		return "", errors.New("has to have either a registration_id or a group_id")
	case e.PrimaryKey == "" && e.CertificateFile == "":
		return "", errors.New("has neither keys nor a certificate_file")
	case e.PrimaryKey != "" && (e.CertificateFile != "" || e.KeyFile != ""):
		return "", errors.New("has keys and certificate files; it takes one of them")
	case e.CertificateFile != "" && e.SecondaryKey != "":
		return "secondary_key", errors.New("has no primary_key beside it")
	case e.PrimaryKey != "" && e.SecondaryKey == "":
		return "primary_key", errors.New("has no secondary_key beside it; the service gives every enrollment both")
	case e.CertificateFile != "" && e.KeyFile == "":
		return "certificate_file", errors.New("has no key_file beside it")
	}
	for name, key := range map[string]Secret{"primary_key": e.PrimaryKey, "secondary_key": e.SecondaryKey} {
		if _, err := base64.StdEncoding.DecodeString(key.Reveal()); err != nil {
			return name, errors.New("is not base64")
		}
	}
	return "", nil
}

// Hooks are commands that do at a target what its service API would. Each is a program and
// its arguments, run in the folder of the target file. It reads one JSON object from
// standard input and writes one to standard output: see package harness.
type Hooks struct {
	CreateEnrollment  []string `yaml:"create_enrollment,omitempty"`
	DeleteEnrollment  []string `yaml:"delete_enrollment,omitempty"`
	CreateHubIdentity []string `yaml:"create_hub_identity,omitempty"`
}

// each are the commands by the names they have in a file.
func (h Hooks) each() map[string][]string {
	return map[string][]string{
		"create_enrollment": h.CreateEnrollment, "delete_enrollment": h.DeleteEnrollment, "create_hub_identity": h.CreateHubIdentity,
	}
}

func (h Hooks) check() (string, error) {
	switch {
	case len(h.DeleteEnrollment) == 0 && len(h.CreateEnrollment)+len(h.CreateHubIdentity) > 0:
		return "hooks", errors.New("has no delete_enrollment: what a run makes it has to remove")
	case len(h.DeleteEnrollment) > 0 && len(h.CreateEnrollment)+len(h.CreateHubIdentity) == 0:
		return "hooks", errors.New("has a delete_enrollment and nothing that creates one")
	}
	return "", nil
}
