//go:build unix

package postgres_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"github.com/dpslab/dpslab/internal/pgtest"
	"github.com/dpslab/dpslab/reference/enrollment"
	enrollments "github.com/dpslab/dpslab/reference/enrollment/storetest"
	"github.com/dpslab/dpslab/reference/postgres"
	"github.com/dpslab/dpslab/reference/registration"
	registrations "github.com/dpslab/dpslab/reference/registration/storetest"
)

func TestStoresKeepTheContract(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	t.Run("enrollments", func(t *testing.T) {
		enrollments.Test(t, func(t *testing.T) enrollment.Store { return open(t, server.Database(t)).Enrollments() })
	})
	t.Run("registrations", func(t *testing.T) {
		registrations.Test(t, func(t *testing.T) registration.Store { return open(t, server.Database(t)).Registrations() })
	})
}

func TestReplicasThatStartAtOnceMakeOneSchemaAndShareItsSecrets(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t).Database(t)
	const replicas = 4
	var all sync.WaitGroup
	secrets := make([][]byte, replicas)
	errs := make([]error, replicas)
	for i := range replicas {
		all.Go(func() {
			d, err := postgres.Open(t.Context(), url)
			if err != nil {
				errs[i] = err
				return
			}
			defer d.Close()
			secrets[i], errs[i] = d.Secret(t.Context(), "challenges", []byte{byte(i)})
		})
	}
	all.Wait()
	for i := range replicas {
		if errs[i] != nil || !bytes.Equal(secrets[i], secrets[0]) {
			t.Errorf("replica %d: %v, another secret: %t", i, errs[i], !bytes.Equal(secrets[i], secrets[0]))
		}
	}
}

func TestAPasswordIsInNoError(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"postgres://lab:hunter2@127.0.0.1:1/lab", "postgres://lab:hunter2@127.0.0.1:port/lab"} {
		d, err := postgres.Open(t.Context(), url)
		if err == nil {
			d.Close()
		}
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v", err)
		}
	}
}

func open(t *testing.T, url string) *postgres.DB {
	t.Helper()
	d, err := postgres.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}
