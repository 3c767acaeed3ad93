package main

import (
	"testing"
	"time"
)

func TestAMovedClockExpiresATokenAndNothingElse(t *testing.T) {
	t.Parallel()
	s := newSeam(t)
	token := s.identity("dev-01").Token(time.Now()) // good for an hour
	if answer := registerWith(t, s.running, "dev-01", token); answer.Status != 202 {
		t.Fatalf("before: %v", answer)
	}
	now, err := s.control.AdvanceService(t.Context(), s.name, 2*time.Hour)
	if err != nil || time.Until(now).Round(time.Minute) != 2*time.Hour {
		t.Fatalf("%v: the service's clock shows %s", err, now)
	}
	if answer := registerWith(t, s.running, "dev-01", token); answer.Status != 401 {
		t.Errorf("two hours later: %v", answer)
	}
	later := s.identity("dev-02").Token(now)
	if answer := registerWith(t, s.running, "dev-02", later); answer.Status != 202 {
		t.Errorf("a token of the service's time: %v", answer)
	}
}
