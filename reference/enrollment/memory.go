package enrollment

import (
	"bytes"
	"context"
	"sync"

	"github.com/tidwall/btree"

	"github.com/dpslab/dpslab/internal/dps"
)

// Memory is a Store that lives as long as its process.
type Memory struct {
	mu      sync.RWMutex
	records [2]*btree.Map[string, Enrollment] // by kind, then folded id
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{records: [2]*btree.Map[string, Enrollment]{
		new(btree.Map[string, Enrollment]), new(btree.Map[string, Enrollment]),
	}}
}

func (m *Memory) Get(_ context.Context, k Kind, id string) (Enrollment, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	e, ok := m.records[k].Get(Fold(id))
	if !ok {
		return Enrollment{}, ErrNotFound
	}
	return e, nil
}

func (m *Memory) Create(_ context.Context, e Enrollment) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, exists := m.records[e.Kind].Get(Fold(e.ID)); exists {
		return ErrExists
	}
	m.records[e.Kind].Set(Fold(e.ID), e)
	return nil
}

func (m *Memory) Replace(_ context.Context, e Enrollment, was string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check(e.Kind, e.ID, was); err != nil {
		return err
	}
	m.records[e.Kind].Set(Fold(e.ID), e)
	return nil
}

func (m *Memory) Delete(_ context.Context, k Kind, id, was string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check(k, id, was); err != nil && (was != "" || err != ErrChanged) {
		return err
	}
	m.records[k].Delete(Fold(id))
	return nil
}

// set stores a record whatever is there, and remove removes it.
func (m *Memory) set(e Enrollment) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records[e.Kind].Set(Fold(e.ID), e)
}

func (m *Memory) remove(k Kind, id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records[k].Delete(Fold(id))
}

// check holds the record's ETag against was. m.mu is held.
func (m *Memory) check(k Kind, id, was string) error {
	switch e, ok := m.records[k].Get(Fold(id)); {
	case !ok:
		return ErrNotFound
	case e.ETag != was:
		return ErrChanged
	}
	return nil
}

func (m *Memory) List(_ context.Context, k Kind, after string, limit int) ([]Enrollment, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var list []Enrollment
	m.records[k].Ascend(Fold(after), func(id string, e Enrollment) bool {
		if id != Fold(after) {
			list = append(list, e)
		}
		return len(list) < limit
	})
	return list, nil
}

func (m *Memory) SymmetricKeyGroups(context.Context) ([]Enrollment, error) {
	return m.groups(func(a Attestation) bool { return a.Type == dps.AttestationSymmetricKey }), nil
}

func (m *Memory) SigningGroups(_ context.Context, rawSubject []byte) ([]Enrollment, error) {
	return m.groups(func(a Attestation) bool {
		if a.Type != dps.AttestationX509 || a.X509.Form != SigningCertificates {
			return false
		}
		for _, c := range a.X509.Certificates() {
			if bytes.Equal(c.RawSubject, rawSubject) {
				return true
			}
		}
		return false
	}), nil
}

// groups scans them all: the service allows two hundred (service-api.md 6).
func (m *Memory) groups(match func(Attestation) bool) []Enrollment {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var list []Enrollment
	m.records[Group].Scan(func(_ string, e Enrollment) bool {
		if match(e.Attestation) {
			list = append(list, e)
		}
		return true
	})
	return list
}
