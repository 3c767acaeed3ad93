package scenarios_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/scenarios"
)

func TestTheLibraryCanBeRun(t *testing.T) {
	t.Parallel()
	list := scenarios.Library()
	if len(list) == 0 {
		t.Fatal("an empty library")
	}
	for _, s := range list {
		found, err := scenarios.Find(s.Name)
		if err != nil || found.Title == "" {
			t.Errorf("%s: %v", s.Name, err)
		}
		for _, devices := range []int{0, 5, 10_000} {
			if err := s.Plan(devices).Validate(); err != nil {
				t.Errorf("%s with %d devices: %v", s.Name, devices, err)
			}
		}
	}
}

func TestAFileIsFoundByItsPath(t *testing.T) {
	t.Parallel()
	text, err := scenarios.Text("first-boot")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if s, err := scenarios.Find(file); err != nil || s.Name != "first-boot" {
		t.Errorf("%s: %v", s.Name, err)
	}
	if _, err := scenarios.Find("last-boot"); err == nil || !strings.Contains(err.Error(), "scenario list") {
		t.Error(err)
	}
}

// good is a scenario in which each case below breaks one thing.
const good = `dpslab: scenario/v1
name: mine
title: One of my own
fleet:
  devices: 5
  mix:
    - {weight: 1, attestation: x509, transport: https}
  retry: {initial: 1s, factor: 2}
load:
  stages:
    - constant: 5/s
deadline: 1m
expect:
  assigned_within:
    - {share: 1, time: 30s}
`

func TestWhatIsWrongIsToldWithItsPlaceAndWhatToWrite(t *testing.T) {
	t.Parallel()
	if _, err := scenarios.Parse([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ is, was, at, says string }{
		{"scenario/v1", "scenario/v2", "[1:9]", "scenario/v1"},
		{"name: mine", "name: Mine!", "[2:7]", "lower-case"},
		{"title: One of my own\n", "", "[1:1]", "title is missing"},
		{"devices: 5", "devices: 0", "[5:12]", "1 to 999999"},
		{"devices: 5", "devices: many", "[5:12]", "int"},
		{"attestation: x509", "attestation: x501", "[7:32]", "x509-group"},
		{"transport: https", "transport: http", "[7:49]", "mqtt-ws"},
		{"transport: https", "transport: https, hub_transport: http", "[7:71]", "mqtt-ws"},
		{"transport: https", "transport: https, speed: 3", "[7:56]", "speed"},
		{"transport: https", "transport: https, stay: long", "[7:62]", "1m30s"},
		{"transport: https", "transport: https, telemetry: {interval: -1s}", "[7:78]", "1m30s"},
		{"initial: 1s", "initial: 1", "[8:20]", "1m30s"},
		{"initial: 1s, ", "", "[8:", "fleet.retry.initial is missing"},
		{"constant: 5/s", "constant: 5", "[11:17]", "200/s"},
		{"constant: 5/s", "constant: 0/s", "[11:17]", "starts nothing"},
		{"constant: 5/s", "constant: 5/s\n      burst: 2", "[11:", "2 of constant"},
		{"constant: 5/s", "ramp: {from: 1/s, to: 5/s}", "[11:", "how long the ramp takes"},
		{"constant: 5/s", "constant: 5/s\n    - poisson: 1/s", "[11:", "last stage"},
		{"  stages:\n    - constant: 5/s\n", "  most: 3\n", "[10:", "either closed"},
		{"deadline: 1m", "deadline: soon", "[12:11]", "1m30s"},
		{"share: 1,", "share: 1.1,", "[15:15]", "up to 1"},
		{"time: 30s", "time: half", "[15:24]", "1m30s"},
		{"expect:", "expects:", "[13:1]", "expects"},
		{"weight: 1", "weight: 0", "[5:", "weight 0"},
		{"transport: https", "transport: https, reboot: 5s", "[5:", "does not stay"},
	} {
		text := strings.Replace(good, c.is, c.was, 1)
		_, err := scenarios.Parse([]byte(text))
		if err == nil || !strings.Contains(err.Error(), c.at) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v; want %s and %q", c.was, err, c.at, c.says)
		}
	}
}

func TestExpectationsAreBoundsOnTheRun(t *testing.T) {
	t.Parallel()
	text := strings.Replace(good, "    - {share: 1, time: 30s}", `    - {share: 0.99, time: 30s}
  telemetry_within: [{share: 0.5, time: 1m}]
  request_latency: [{share: 0.95, time: 250ms}]
  unprovisioned: 2
  attempts_per_device: 1.5
  request_errors: 0.01`, 1)
	s, err := scenarios.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range s.Plan(0).Expectations {
		got = append(got, fmt.Sprintf("%s %s %g %g", e.Name, e.Bound.Measure, e.Bound.Quantile, *e.Bound.AtMost))
	}
	want := []string{
		"invariants broken invariants 0 0", "assigned_within time to assigned 0.99 30", "telemetry_within time to first telemetry 0.5 60",
		"request_latency request latency 0.95 0.25", "unprovisioned unprovisioned 0 2", "attempts_per_device attempts per device 0 1.5",
		"request_errors request errors 0 0.01",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	for _, s := range scenarios.Library() {
		text, err := scenarios.Text(s.Name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if s, err := scenarios.Parse(text); err == nil {
			if err := s.Plan(0).Validate(); err != nil {
				t.Errorf("%s\nwas taken, and cannot be run: %v", text, err)
			}
		}
	})
}
