package scenarios_test

import (
	"os"
	"path/filepath"
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
