package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/dpslab/dpslab/internal/pki"
)

// ExportCA returns the root certificate of a state folder as PEM, making the state first
// where there is none.
func ExportCA(folder string, now time.Time) ([]byte, error) {
	if folder == "" {
		return nil, errNoFolder
	}
	s, err := openState(folder, RSA, vouched{}, now)
	if err != nil {
		return nil, err
	}
	return s.CA(), nil
}

// ImportCA makes a given authority the root of a new state folder: for devices that trust
// it already. A folder that has a state is left alone.
func ImportCA(folder string, certificate, key []byte, now time.Time) error {
	root, err := pki.Load(certificate, key)
	if err != nil {
		return err
	}
	if folder == "" {
		return errNoFolder
	}
	path := filepath.Join(folder, stateFile)
	if _, err := readState(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s has a state already; give a new folder with --state, or remove it", folder)
	}
	s, err := newState(RSA, vouched{}, now)
	if err != nil {
		return err
	}
	s.authority = root
	if err := s.remakeServerKey(RSA, now); err != nil {
		return err
	}
	if err := s.keep(RSA); err != nil {
		return err
	}
	if err := s.save(folder); err != nil {
		return err
	}
	return s.writeCA(folder)
}

var errNoFolder = errors.New("an authority is kept in a state folder; give one with --state")
