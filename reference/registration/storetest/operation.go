package storetest

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/dpslab/dpslab/reference/registration"
)

func operationsHaveTheirTime(t *testing.T, s registration.Store) {
	early, late := operation("5.early", "a"), operation("5.late", "b")
	putOperation(t, s, late, day.Add(2*time.Hour))
	putOperation(t, s, early, day.Add(time.Hour))
	for _, c := range []struct {
		rule string
		id   string
		now  time.Time
		want *registration.Operation
	}{
		{"within its time", "5.early", day, &early},
		{"to the end of its time", "5.early", day.Add(time.Hour - time.Nanosecond), &early},
		{"not beyond", "5.early", day.Add(time.Hour), nil},
		{"each by its own", "5.late", day.Add(time.Hour), &late},
		{"an id in another case is another", "5.LATE", day, nil},
		{"an id that never was", "5.none", day, nil},
		{"when all are forgotten", "5.late", day.Add(3 * time.Hour), nil},
	} {
		got, err := s.Operation(t.Context(), c.id, c.now)
		switch {
		case c.want == nil:
			if !errors.Is(err, registration.ErrNotFound) {
				t.Errorf("%s: %+v, %v; want ErrNotFound", c.rule, got, err)
			}
		case err != nil || !reflect.DeepEqual(got, *c.want):
			t.Errorf("%s: %+v, %v", c.rule, got, err)
		}
	}

	again := operation("5.again", "c")
	putOperation(t, s, again, day.Add(4*time.Hour))
	again.Record.ETag = "changed"
	putOperation(t, s, again, day.Add(6*time.Hour))
	if got, err := s.Operation(t.Context(), "5.again", day.Add(5*time.Hour)); err != nil || !reflect.DeepEqual(got, again) {
		t.Errorf("put again: %+v, %v; want what was put last, for its time", got, err)
	}
}

func operation(id, registrationID string) registration.Operation {
	return registration.Operation{ID: id, RegistrationID: registrationID, Record: record(registrationID, "of "+id)}
}

func putOperation(t *testing.T, s registration.Store, o registration.Operation, forgetAt time.Time) {
	t.Helper()
	if err := s.PutOperation(t.Context(), o, forgetAt); err != nil {
		t.Fatal(err)
	}
}
