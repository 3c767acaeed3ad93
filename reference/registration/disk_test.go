package registration_test

import (
	"path/filepath"
	"testing"

	"github.com/dpslab/dpslab/internal/durable"
	"github.com/dpslab/dpslab/reference/registration"
	"github.com/dpslab/dpslab/reference/registration/storetest"
)

func TestDisk(t *testing.T) {
	storetest.Test(t, func(t *testing.T) registration.Store {
		f, err := durable.Open(filepath.Join(t.TempDir(), "data.db"), durable.Identity{Format: "test 1", Owner: t.Name()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		})
		store, err := registration.NewDisk(f)
		if err != nil {
			t.Fatal(err)
		}
		return store
	})
}
