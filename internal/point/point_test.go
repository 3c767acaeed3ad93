package point_test

import (
	"context"
	"testing"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/point"
)

var answered = point.Define[int]("test.answered")

var catalogue = point.Catalogue{{
	ID: "answers-500", Summary: "answers 500", Catches: []string{"DPS-X-001"},
	Build: point.Always(answered.Plan(func(_ point.Call, status *int) { *status = 500 })),
}}

type labels []string

func (l *labels) Injected(id, what string) { *l = append(*l, id+" "+what) }

func pass(s *point.Set, at point.At) int {
	status := 200
	answered.Hit(context.Background(), s, at, &status)
	return status
}

func TestDefectActsOnTheWholeService(t *testing.T) {
	set := point.NewSet(clock.System())
	entry, _ := catalogue.Find("answers-500")
	if got := pass(set, point.At{}); got != 200 {
		t.Fatalf("with nothing armed: %d", got)
	}
	handle, err := set.Arm(entry, point.Address{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var seen labels
	if got := pass(set, point.At{Registration: "any", Transcript: &seen}); got != 500 {
		t.Fatalf("armed: %d", got)
	}
	if len(seen) != 1 || seen[0] != "answers-500 at test.answered" {
		t.Fatalf("labelled %q", seen)
	}
	if !set.Disarm(handle) || pass(set, point.At{}) != 200 {
		t.Fatal("it still acts after Disarm")
	}
}

func TestFaultActsOnOneDeviceAtItsNthStep(t *testing.T) {
	set := point.NewSet(clock.System())
	entry, _ := catalogue.Find("answers-500")
	if _, err := set.Arm(entry, point.Address{Registration: "Dev-1", Step: "poll", Nth: 2}, nil); err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, at := range []point.At{
		{Registration: "dev-1", Step: "register"},
		{Registration: "dev-1", Step: "poll"},
		{Registration: "dev-2", Step: "poll"},
		{Registration: "dev-1", Step: "poll"},
		{Registration: "dev-1", Step: "poll"},
	} {
		got = append(got, pass(set, at))
	}
	want := []int{200, 200, 200, 500, 200}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
	if list := set.List(); len(list) != 1 || list[0].Fired != 1 {
		t.Fatalf("listed as %+v", list)
	}
}

func TestArmRefusesAnArgumentTheEntryDoesNotKnow(t *testing.T) {
	set := point.NewSet(clock.System())
	if _, err := set.Arm(catalogue[0], point.Address{}, point.Args{"after": "3"}); err == nil {
		t.Fatal("armed with an unknown argument")
	}
}
