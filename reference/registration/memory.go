package registration

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/tidwall/btree"
)

// Memory is a Store that lives as long as its process.
type Memory struct {
	mu         sync.RWMutex
	records    btree.Map[string, Record] // by folded registration id
	operations map[string]kept
	queue      []string // operation ids, oldest first
}

type kept struct {
	Operation
	forgetAt time.Time
}

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{operations: map[string]kept{}} }

func (m *Memory) Get(_ context.Context, id string) (Record, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	r, ok := m.records.Get(fold(id))
	if !ok {
		return Record{}, ErrNotFound
	}
	return r, nil
}

func (m *Memory) Put(_ context.Context, r Record, was string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, _ := m.records.Get(fold(r.RegistrationID))
	if now.ETag != was {
		return ErrChanged
	}
	m.records.Set(fold(r.RegistrationID), r)
	return nil
}

func (m *Memory) Delete(_ context.Context, id, was string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch now, ok := m.records.Get(fold(id)); {
	case !ok:
		return ErrNotFound
	case was != "" && now.ETag != was:
		return ErrChanged
	}
	m.records.Delete(fold(id))
	return nil
}

func (m *Memory) ListGroup(_ context.Context, groupID, after string, limit int) ([]Record, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var list []Record
	m.records.Ascend(fold(after), func(id string, r Record) bool {
		if id != fold(after) && r.GroupID != "" && strings.EqualFold(r.GroupID, groupID) {
			list = append(list, r)
		}
		return len(list) < limit
	})
	return list, nil
}

func (m *Memory) PutOperation(_ context.Context, o Operation, forgetAt time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.operations[o.ID]; !known {
		m.queue = append(m.queue, o.ID)
	}
	m.operations[o.ID] = kept{o, forgetAt}
	return nil
}

func (m *Memory) Operation(_ context.Context, id string, now time.Time) (Operation, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.queue) > 0 && !m.operations[m.queue[0]].forgetAt.After(now) {
		delete(m.operations, m.queue[0])
		m.queue = m.queue[1:]
	}
	o, ok := m.operations[id]
	if !ok || !o.forgetAt.After(now) {
		return Operation{}, ErrNotFound
	}
	return o.Operation, nil
}

func fold(id string) string { return strings.ToLower(id) }
