package query_test

import (
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/query"
)

func keys(ids []string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, id := range ids {
			if !yield(id, id) {
				return
			}
		}
	}
}

func asJSON(id string) map[string]any { return map[string]any{"id": id} }

// pages reads all pages, and lets between happen after each.
func pages(t *testing.T, text string, size int, ids *[]string, between func()) (all [][]string) {
	t.Helper()
	q, err := query.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for continuation := ""; ; {
		page, err := query.Select(q, text, "enrollments", continuation, size, keys(*ids), asJSON)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page.Items)
		if continuation = page.Continuation; continuation == "" {
			return all
		}
		between()
	}
}

func TestPages(t *testing.T) {
	ids := []string{"a", "b", "c", "d", "e"}
	for _, c := range []struct {
		name, text string
		size       int
		want       []string
	}{
		{"the last page has no continuation though it is full", "*", 5, []string{"a b c d e"}},
		{"a rest", "*", 2, []string{"a b", "c d", "e"}},
		{"what is not selected fills no page", "* where id != 'b' and id != 'e'", 2, []string{"a c", "d"}},
		{"no empty last page", "* where id < 'c'", 2, []string{"a b"}},
		{"nothing is one empty page", "* where id = 'x'", 2, []string{""}},
	} {
		var got []string
		for _, page := range pages(t, c.text, c.size, &ids, func() {}) {
			if page == nil {
				t.Errorf("%s: a page is null", c.name)
			}
			got = append(got, strings.Join(page, " "))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

func TestPagesKeepTheirPlaceWhenItemsComeAndGo(t *testing.T) {
	ids := []string{"b", "c", "d", "e"}
	got := pages(t, "*", 2, &ids, func() { ids = []string{"a", "d", "da", "e"} })
	if len(got) != 3 || strings.Join(slices.Concat(got...), " ") != "b c d da e" {
		t.Fatalf("%q", got)
	}
}

func TestAForeignOrDamagedContinuationIsRefused(t *testing.T) {
	const text, collection = "SELECT *", "enrollments"
	good := query.EncodeContinuation(query.Token{After: "pump-1"}, text, collection)
	if got, err := query.DecodeContinuation(good, text, collection); err != nil || got.After != "pump-1" {
		t.Fatalf("%+v, %v", got, err)
	}
	if strings.ContainsFunc(good, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`%+/="`, r) }) {
		t.Errorf("%q is not safe in a header and a URL", good)
	}
	for name, c := range map[string][3]string{
		"another query":        {good, "select *", collection},
		"another collection":   {good, text, "enrollmentGroups"},
		"text and collection":  {good, collection, text},
		"cut":                  {good[:len(good)-1], text, collection},
		"longer":               {good + "AAAA", text, collection},
		"one letter different": {strings.Replace(good, good[3:4], string(good[3]^1), 1), text, collection},
		"no base64":            {"b2Zmc2V0!", text, collection},
		"another service's":    {"b2Zmc2V0PTI", text, collection},
		"far too long":         {strings.Repeat("A", 4096), text, collection},
	} {
		if _, err := query.DecodeContinuation(c[0], c[1], c[2]); !errors.Is(err, query.ErrContinuation) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := query.Select(query.Query{}, text, collection, "x", 2, keys(nil), asJSON); !errors.Is(err, query.ErrContinuation) {
		t.Errorf("Select: %v", err)
	}
}

func TestPageSize(t *testing.T) {
	for header, want := range map[string]int{"": 100, "1": 1, "1000": 1000, "1001": 1000, "0": 0, "-1": 0, "ten": 0, "1.5": 0, "99999999999": 0} {
		got, err := query.PageSize(header)
		if got != want || (err != nil) != (want == 0) {
			t.Errorf("%q: %d, %v", header, got, err)
		}
	}
}
