package lab

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/dpslab/dpslab/internal/durable"
	"github.com/dpslab/dpslab/internal/pki"
)

// State is what a lab keeps between runs, so that devices which trust its authority and
// carry its id scope find it again.
type State struct {
	kept      kept
	authority *pki.Authority // root
	issuing   *pki.Authority // intermediate that signs server certificates
	serverKey crypto.Signer
}

// kept is the file lab.json in the state folder. It holds secrets.
type kept struct {
	Suffix     string   `json:"suffix"` // makes the lab's names nobody else's
	IDScope    string   `json:"idScope"`
	ServiceKey []byte   `json:"serviceKey"`
	HubKeys    [][]byte `json:"hubKeys"`
	Root       pemPair  `json:"root"`
	Issuing    pemPair  `json:"issuing"`
	ServerKey  string   `json:"serverKey"`
	KeyKind    KeyKind  `json:"keyKind"`
}

type pemPair struct {
	Certificates string `json:"certificates"`
	Key          string `json:"key"`
}

const (
	stateFile = "lab.json"
	caFile    = "ca.pem"
	maxHubs   = 50 // linked hubs that the service allows (service-api.md 6)
)

// openState reads the state folder, or fills it on the first run. Two labs that start at
// once on a new folder end with the same state: the one that comes second reads.
func openState(folder string, kind KeyKind, names vouched, now time.Time) (*State, error) {
	if folder == "" {
		return newState(kind, names, now)
	}
	path := filepath.Join(folder, stateFile)
	s, err := readState(path)
	if errors.Is(err, fs.ErrNotExist) {
		if s, err = newState(kind, names, now); err == nil {
			err = s.save(folder)
		}
		if errors.Is(err, fs.ErrExist) { // somebody else was first: it is theirs
			s, err = readState(path)
		}
	}
	if err != nil {
		return nil, err
	}
	if s.kept.KeyKind != kind {
		if err := s.remakeServerKey(kind, now); err != nil {
			return nil, err
		}
	}
	if err := s.vouchesFor(names, now); err != nil {
		return nil, fmt.Errorf("the authority in %s cannot vouch for this lab: %w; begin a new folder with --state", folder, err)
	}
	return s, s.writeCA(folder)
}

func newState(kind KeyKind, names vouched, now time.Time) (*State, error) {
	s := &State{kept: kept{Suffix: randomHex(2), IDScope: "0ne" + strings.ToUpper(randomHex(4)), ServiceKey: randomKey()}}
	for range maxHubs {
		s.kept.HubKeys = append(s.kept.HubKeys, randomKey())
	}
	// Three RSA keys are most of a first start; they are made side by side.
	o := pki.Options{Now: now, RSA: kind == RSA}
	var issuingKey, serverKey crypto.Signer
	var errs [3]error
	var wg sync.WaitGroup
	wg.Go(func() {
		root := o
		root.Permitted = names.added(pki.LabConstraints())
		s.authority, errs[0] = pki.NewRoot("dpslab "+s.kept.Suffix+" root", root)
	})
	wg.Go(func() { issuingKey, errs[1] = pki.NewKey(o) })
	wg.Go(func() { serverKey, errs[2] = pki.NewKey(o) })
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	o.Key = issuingKey
	issuing, err := s.authority.Intermediate("dpslab "+s.kept.Suffix+" issuing", o)
	if err != nil {
		return nil, err
	}
	s.issuing, s.serverKey = issuing, serverKey
	return s, s.keep(kind)
}

// keep writes authorities and key into what is kept.
func (s *State) keep(kind KeyKind) error {
	s.kept.KeyKind = kind
	for _, one := range []struct {
		authority *pki.Authority
		to        *pemPair
	}{{s.authority, &s.kept.Root}, {s.issuing, &s.kept.Issuing}} {
		certificates, key, err := one.authority.Save()
		if err != nil {
			return err
		}
		*one.to = pemPair{string(certificates), string(key)}
	}
	key, err := pki.MarshalKey(s.serverKey)
	s.kept.ServerKey = string(key)
	return err
}

// remakeServerKey gives this run server certificates of another kind, under the same root.
func (s *State) remakeServerKey(kind KeyKind, now time.Time) (err error) {
	o := pki.Options{Now: now, RSA: kind == RSA}
	if s.issuing, err = s.authority.Intermediate("dpslab "+s.kept.Suffix+" issuing", o); err != nil {
		return err
	}
	s.serverKey, err = pki.NewKey(o)
	return err
}

func readState(path string) (*State, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("state file: %w; give another folder with --state", err)
	}
	s := &State{}
	if err := json.Unmarshal(b, &s.kept); err != nil {
		return nil, fmt.Errorf("state file %s cannot be read: %w; remove it to begin anew", path, err)
	}
	if s.authority, err = pki.Load([]byte(s.kept.Root.Certificates), []byte(s.kept.Root.Key)); err != nil {
		return nil, fmt.Errorf("state file %s: root: %w", path, err)
	}
	if s.issuing, err = pki.Load([]byte(s.kept.Issuing.Certificates), []byte(s.kept.Issuing.Key)); err != nil {
		return nil, fmt.Errorf("state file %s: issuing authority: %w", path, err)
	}
	if s.serverKey, err = pki.ParseKey([]byte(s.kept.ServerKey)); err != nil {
		return nil, fmt.Errorf("state file %s: server key: %w", path, err)
	}
	if len(s.kept.HubKeys) != maxHubs || len(s.kept.ServiceKey) == 0 || s.kept.Suffix == "" || s.kept.IDScope == "" {
		return nil, fmt.Errorf("state file %s is not whole; remove it to begin anew", path)
	}
	return s, nil
}

// save puts the state down in a new folder. It is fs.ErrExist when there is one already.
func (s *State) save(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("state folder: %w; give another with --state", err)
	}
	b, err := json.MarshalIndent(s.kept, "", "  ")
	if err != nil {
		return err
	}
	temp := filepath.Join(folder, stateFile+"."+randomHex(4))
	if err := writeSynced(temp, b, 0o600); err != nil {
		return err
	}
	defer os.Remove(temp)
	if err := os.Link(temp, filepath.Join(folder, stateFile)); err != nil {
		return err
	}
	return durable.SyncFolder(folder)
}

// writeSynced writes a new file to the disk: names and keys must not be gone where the data
// that they belong to is there.
func writeSynced(path string, b []byte, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}

// writeCA puts the root certificate beside the state, unless it is there. Of two labs that
// start at once either may come first, and both have it.
func (s *State) writeCA(folder string) error {
	path := filepath.Join(folder, caFile)
	if there, err := os.ReadFile(path); err == nil && bytes.Equal(there, s.CA()) {
		return nil
	}
	return WriteFile(path, s.CA(), 0o600)
}

// CA is the root certificate as PEM: what clients must trust.
func (s *State) CA() []byte { return pki.PEM(s.authority.Certificate) }

// Roots is a pool of the root certificate.
func (s *State) Roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(s.authority.Certificate)
	return pool
}

// issuer issues server certificates, all with the one server key.
func (s *State) issuer(addresses []net.IP, now time.Time) func(names ...string) (tls.Certificate, error) {
	return func(names ...string) (tls.Certificate, error) {
		_, isRSA := s.serverKey.(*rsa.PrivateKey)
		return s.issuing.Server(names, addresses, pki.Options{Now: now, Key: s.serverKey, RSA: isRSA})
	}
}

func (s *State) serviceName() string  { return "dpslab-" + s.kept.Suffix }
func (s *State) hubName(n int) string { return fmt.Sprintf("dpslab-%s-hub-%d", s.kept.Suffix, n) }
func (s *State) hubKey(n int) []byte  { return s.kept.HubKeys[n-1] }

func randomKey() []byte {
	key := make([]byte, 64)
	rand.Read(key) // never fails
	return key
}

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// WriteFile replaces a file whole or not at all.
func WriteFile(path string, b []byte, mode os.FileMode) error {
	temp := path + "." + randomHex(4)
	if err := os.WriteFile(temp, b, mode); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return nil
}
