package storetest

import (
	"slices"
	"testing"

	"github.com/dpslab/dpslab/reference/registration"
)

func listGoesOn(t *testing.T, s registration.Store) {
	for i, id := range []string{"b", "D", "a", "C", "other", "alone"} {
		r := record(id, string(rune('0'+i)))
		switch id {
		case "other":
			r.GroupID = "line-b"
		case "alone": // through an individual enrollment
		default:
			r.GroupID = "Line-A"
		}
		put(t, s, r, "")
	}
	for _, c := range []struct {
		rule, group, after string
		limit              int
		want               []string
	}{
		{"a group's, in the order of folded ids", "Line-A", "", 10, []string{"a", "b", "C", "D"}},
		{"by the group's id in another case", "line-a", "", 10, []string{"a", "b", "C", "D"}},
		{"at most the limit", "Line-A", "", 2, []string{"a", "b"}},
		{"behind an id", "Line-A", "b", 1, []string{"C"}},
		{"behind an id in another case", "Line-A", "c", 9, []string{"D"}},
		{"behind an id of another group", "Line-A", "alone", 1, []string{"b"}},
		{"behind the last", "Line-A", "D", 9, nil},
		{"of an unknown group", "line-c", "", 9, nil},
		{"of no group", "", "", 9, nil},
	} {
		list, err := s.ListGroup(t.Context(), c.group, c.after, c.limit)
		if err != nil {
			t.Fatalf("%s: %v", c.rule, err)
		}
		var got []string
		for _, r := range list {
			got = append(got, r.RegistrationID)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.rule, got, c.want)
		}
	}
}
