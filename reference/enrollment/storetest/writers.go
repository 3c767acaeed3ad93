package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/dpslab/dpslab/reference/enrollment"
)

const writers = 8

// oneWriterWins is what optimistic concurrency stands on: of writers that saw the same
// record, or none, one succeeds, and the others learn that they came too late.
func oneWriterWins(t *testing.T, s enrollment.Store) {
	race(t, "create", enrollment.ErrExists, func(i int) error {
		return s.Create(t.Context(), record("a", fmt.Sprint("created-", i)))
	})
	now, err := s.Get(t.Context(), enrollment.Individual, "a")
	if err != nil {
		t.Fatal(err)
	}
	race(t, "replace", enrollment.ErrChanged, func(i int) error {
		return s.Replace(t.Context(), record("a", fmt.Sprint("replaced-", i)), now.ETag)
	})
	if now, err = s.Get(t.Context(), enrollment.Individual, "a"); err != nil {
		t.Fatal(err)
	}
	race(t, "delete", enrollment.ErrNotFound, func(int) error {
		return s.Delete(t.Context(), enrollment.Individual, "a", now.ETag)
	})
	gone(t, s, enrollment.Individual, "a")
}

// race lets all writers go at once: one must succeed, the others fail with want.
func race(t *testing.T, what string, want error, write func(i int) error) {
	t.Helper()
	var all sync.WaitGroup
	errs := make([]error, writers)
	for i := range writers {
		all.Go(func() { errs[i] = write(i) })
	}
	all.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, want):
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	if won != 1 {
		t.Errorf("%s: %d of %d writers succeeded", what, won, writers)
	}
}
