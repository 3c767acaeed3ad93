package storetest

import (
	"slices"
	"testing"

	"github.com/dpslab/dpslab/reference/enrollment"
)

func listGoesOn(t *testing.T, s enrollment.Store) {
	create(t, s, record("b", "1"), record("D", "2"), record("a", "3"), record("C", "4"), record("c-2", "5"))
	create(t, s, group("b-group", "6", record("", "").Attestation))
	for _, c := range []struct {
		rule, after string
		limit       int
		want        []string
	}{
		{"everything, in the order of folded ids", "", 10, []string{"a", "b", "C", "c-2", "D"}},
		{"at most the limit", "", 2, []string{"a", "b"}},
		{"as many as there are", "", 5, []string{"a", "b", "C", "c-2", "D"}},
		{"behind an id", "b", 2, []string{"C", "c-2"}},
		{"behind an id in another case", "c", 9, []string{"c-2", "D"}},
		{"behind an id that is not there", "bb", 1, []string{"C"}},
		{"behind the last", "d", 9, nil},
	} {
		list, err := s.List(t.Context(), enrollment.Individual, c.after, c.limit)
		if err != nil {
			t.Fatalf("%s: %v", c.rule, err)
		}
		if got := ids(list); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.rule, got, c.want)
		}
	}
	fails(t, "delete", s.Delete(t.Context(), enrollment.Individual, "C", ""), nil)
	list, err := s.List(t.Context(), enrollment.Individual, "b", 9)
	if got := ids(list); err != nil || !slices.Equal(got, []string{"c-2", "D"}) {
		t.Errorf("after a delete: %q, %v", got, err)
	}
	list, err = s.List(t.Context(), enrollment.Group, "", 9)
	if got := ids(list); err != nil || !slices.Equal(got, []string{"b-group"}) {
		t.Errorf("groups: %q, %v", got, err)
	}
}

func ids(list []enrollment.Enrollment) []string {
	var ids []string
	for _, e := range list {
		ids = append(ids, e.ID)
	}
	return ids
}
