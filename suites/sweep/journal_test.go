package sweep_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/sut"
	"github.com/dpslab/dpslab/suites/sweep"
)

// memory is a target that hooks enroll at.
type memory struct {
	mu    sync.Mutex
	there map[string]bool
	fails error
	names string // the id that it gives instead of the one it was asked for
}

func (m *memory) CreateEnrollment(_ context.Context, kind harness.Kind, record harness.Members) (harness.Members, error) {
	return m.create(kind, record)
}

func (m *memory) CreateHubIdentity(_ context.Context, _ string, record harness.Members) (harness.Members, error) {
	return m.create(harness.HubIdentity, record)
}

func (m *memory) create(kind harness.Kind, record harness.Members) (harness.Members, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	id, _ := record[kind.IDMember()].(string)
	if m.names != "" {
		id = m.names
	}
	if m.fails == nil {
		m.there[string(kind)+" "+id] = true
	}
	return harness.Members{kind.IDMember(): id}, m.fails
}

func (m *memory) Delete(_ context.Context, kind harness.Kind, record harness.Members) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.there, fmt.Sprint(kind, " ", record[kind.IDMember()]))
	return nil
}

func TestAJournalKnowsWhatHooksMadeAndDidNotRemove(t *testing.T) {
	file := filepath.Join(t.TempDir(), "made", "journal.jsonl")
	target := &memory{there: map[string]bool{"individual of-somebody-else": true}}
	hooks, err := sweep.Journal(target, file)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	secret := harness.SymmetricKeys([]byte("secret"), []byte("secret"))
	secret["registrationId"] = "a"
	for _, failed := range []error{
		second(hooks.CreateEnrollment(ctx, harness.Individual, secret)),
		second(hooks.CreateEnrollment(ctx, harness.Individual, harness.Members{"registrationId": "b"})),
		second(hooks.CreateEnrollment(ctx, harness.OfGroup, harness.Members{"enrollmentGroupId": "g"})),
		second(hooks.CreateHubIdentity(ctx, "hub.test", harness.Members{"deviceId": "d"})),
		hooks.Delete(ctx, harness.Individual, harness.Members{"registrationId": "b"}),
	} {
		if failed != nil {
			t.Fatal(failed)
		}
	}
	target.names = "theirs"
	hooks.CreateEnrollment(ctx, harness.Individual, harness.Members{"registrationId": "c"})
	target.fails = harness.ErrNotHere
	if _, err := hooks.CreateEnrollment(ctx, harness.OfGroup, harness.Members{"enrollmentGroupId": "never"}); !errors.Is(err, harness.ErrNotHere) {
		t.Errorf("%v", err)
	}
	text, err := os.ReadFile(file)
	if err != nil || strings.Contains(string(text), "c2VjcmV0") {
		t.Errorf("%v, the journal holds a key: %s", err, text)
	}
	if info, _ := os.Stat(file); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}

	// The run was killed in the middle of a line.
	if err := os.WriteFile(file, append(text, `{"kind":"individual","id":"cut`...), 0o600); err != nil {
		t.Fatal(err)
	}
	env := &harness.Env{Target: sut.Target{Prefix: "dpslab-"}, Hooks: target}
	if n, err := remove(t, env, file); n != 4 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
	if len(target.there) != 1 || !target.there["individual of-somebody-else"] {
		t.Errorf("left: %v", target.there)
	}
	if n, err := remove(t, env, file); n != 0 || err != nil {
		t.Errorf("a second time %d, %v", n, err)
	}
}

func second(_ harness.Members, err error) error { return err }

func TestAJournalWithoutHooksIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "journal.jsonl")
	if err := os.WriteFile(file, []byte(`{"kind":"individual","id":"a"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	found := sweep.Find(t.Context(), &harness.Env{Target: sut.Target{Prefix: "dpslab-"}}, file)
	if err := found.Err; err == nil || !strings.Contains(err.Error(), "names no hooks") {
		t.Errorf("%v", err)
	}
}
