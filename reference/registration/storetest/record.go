package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/reference/registration"
)

func keepsEveryMember(t *testing.T, s registration.Store) {
	assigned := record("Pump-1", "one")
	assigned.GroupID, assigned.Attestation, assigned.DeviceID = "line-a", dps.AttestationX509, "hub-pump-1"
	assigned.Leaving = []registration.Place{{Hub: "hub-b", DeviceID: "pump"}}
	assigned.Payload, assigned.Updated = []byte(`{"any":"object"}`), day.Add(time.Hour)
	failed := registration.Record{
		RegistrationID: "failed", Status: dps.StatusFailed, ErrorCode: 400207, ErrorMessage: "no", ETag: "two", Created: day, Updated: day,
	}
	for _, r := range []registration.Record{assigned, failed} {
		put(t, s, r, "")
		holds(t, s, r.RegistrationID, r)
	}
}

func idsCompareWithoutCase(t *testing.T, s registration.Store) {
	first := record("Pump-A", "one")
	put(t, s, first, "")
	for _, id := range []string{"Pump-A", "pump-a", "PUMP-A"} {
		holds(t, s, id, first)
	}
	fails(t, "put in another case", s.Put(t.Context(), record("pump-a", "two"), ""), registration.ErrChanged)
	fails(t, "delete in another case", s.Delete(t.Context(), "PUMP-A", "one"), nil)
	gone(t, s, "Pump-A")
}

func putComparesETags(t *testing.T, s registration.Store) {
	fails(t, "put over nothing", s.Put(t.Context(), record("a", "one"), "none"), registration.ErrChanged)
	gone(t, s, "a")
	first, second := record("a", "one"), record("a", "two")
	put(t, s, first, "")
	for _, was := range []string{"", "other", "ONE"} {
		fails(t, "put with etag "+was, s.Put(t.Context(), second, was), registration.ErrChanged)
		holds(t, s, "a", first)
	}
	put(t, s, second, "one")
	holds(t, s, "a", second)
}

func deleteComparesETags(t *testing.T, s registration.Store) {
	for _, was := range []string{"", "one"} {
		fails(t, "delete nothing", s.Delete(t.Context(), "a", was), registration.ErrNotFound)
	}
	first := record("a", "one")
	put(t, s, first, "")
	fails(t, "delete with another etag", s.Delete(t.Context(), "a", "other"), registration.ErrChanged)
	holds(t, s, "a", first)
	fails(t, "delete", s.Delete(t.Context(), "a", "one"), nil)
	gone(t, s, "a")
	put(t, s, first, "")
	fails(t, "delete whatever is there", s.Delete(t.Context(), "a", ""), nil)
	gone(t, s, "a")
}

// oneWriterWins: of writers that saw the same record, or none, one succeeds.
func oneWriterWins(t *testing.T, s registration.Store) {
	const writers = 8
	for _, was := range []string{"", "first"} {
		var all sync.WaitGroup
		errs := make([]error, writers)
		for i := range writers {
			all.Go(func() { errs[i] = s.Put(t.Context(), record("a", fmt.Sprint(was, i)), was) })
		}
		all.Wait()
		won := slices.DeleteFunc(errs, func(err error) bool { return errors.Is(err, registration.ErrChanged) })
		if len(won) != 1 || won[0] != nil {
			t.Errorf("put over etag %q: beside ErrChanged came %v, want one success", was, won)
		}
		now, err := s.Get(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		put(t, s, record("a", "first"), now.ETag)
	}
}
