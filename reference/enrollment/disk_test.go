package enrollment_test

import (
	"path/filepath"
	"testing"

	"github.com/dpslab/dpslab/internal/durable"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/enrollment/storetest"
)

func TestDisk(t *testing.T) {
	storetest.Test(t, func(t *testing.T) enrollment.Store {
		store, f := openDisk(t, filepath.Join(t.TempDir(), "data.db"))
		t.Cleanup(func() { closeFile(t, f) })
		return store
	})
}

// TestDiskOpenedAnew: what the store has in memory of groups, it has after a restart too.
func TestDiskOpenedAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.db")
	group := enrollment.Enrollment{Kind: enrollment.Group, ID: "Line-A", ETag: "one", Attestation: keys(key(32), key(32))}
	store, f := openDisk(t, path)
	if err := store.Create(t.Context(), group); err != nil {
		t.Fatal(err)
	}
	closeFile(t, f)
	store, f = openDisk(t, path)
	if list, err := store.SymmetricKeyGroups(t.Context()); err != nil || len(list) != 1 || list[0].ID != "Line-A" {
		t.Errorf("groups after a restart: %+v, %v", list, err)
	}
	if err := store.Delete(t.Context(), enrollment.Group, "line-a", "one"); err != nil {
		t.Errorf("delete after a restart: %v", err)
	}
	closeFile(t, f)
	store, f = openDisk(t, path)
	defer closeFile(t, f)
	if list, err := store.SymmetricKeyGroups(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("groups after a delete and a restart: %+v, %v", list, err)
	}
}

func openDisk(t *testing.T, path string) (*enrollment.Disk, *durable.File) {
	t.Helper()
	f, err := durable.Open(path, durable.Identity{Format: "test 1", Owner: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	store, err := enrollment.NewDisk(f)
	if err != nil {
		t.Fatal(err)
	}
	return store, f
}

func closeFile(t *testing.T, f *durable.File) {
	t.Helper()
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}
