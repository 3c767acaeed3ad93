package labfile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/dpslab/dpslab/internal/labfile"
	"github.com/dpslab/dpslab/internal/schematest"
)

func parsed(t *testing.T, text string) labfile.Lab {
	t.Helper()
	l, err := labfile.Parse([]byte(text), 0o644, lookup)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestALabFileSaysWhatItSays(t *testing.T) {
	t.Parallel()
	l := parsed(t, string(schematest.Examples(t, "good")["whole"]))
	s := l.Service
	if s.Name != "plant-1" || s.IDScope != "0ne00DEMO01" || s.AllocationPolicy != "geoLatency" || s.RetryAfter.Duration() != 90*time.Second ||
		*s.Limits != (labfile.Limits{RegistrationsPerMinute: 100, OperationsPerMinute: 200, PollsPer10Seconds: 5}) || *s.NaiveREST ||
		s.Latencies["10.0.0.0/8"]["near"] != 12 || len(s.Policies) != 1 || s.Policies[0].PrimaryKey != "c2VjcmV0" {
		t.Errorf("%+v", s)
	}
	if hubs := l.Hubs.Each(); len(hubs) != 3 || hubs[0].Name != "near" || *hubs[0].Weight != 3 || hubs[0].Applies != nil || *hubs[2].Applies {
		t.Errorf("%+v", hubs)
	}
}

func TestHubsAreAListOrTheirNumber(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"hubs: 0": 0, "hubs: []": 0, "hubs: 7": 7, "hubs: [{}, {count: 4}]": 5} {
		l := parsed(t, "dpslab: lab/v1\n"+text)
		if got := len(l.Hubs.Each()); got != want || l.Hubs == nil {
			t.Errorf("%s: %d of %#v", text, got, l.Hubs)
		}
	}
	if l := parsed(t, "dpslab: lab/v1"); l.Hubs != nil {
		t.Errorf("hubs that were left out are %#v", l.Hubs)
	}
}

// A scenario has a lab among its fields.
func TestALabWithinAnotherFile(t *testing.T) {
	t.Parallel()
	var whole struct {
		Lab labfile.Lab `yaml:"lab"`
	}
	decode := func(text string) error {
		return yaml.UnmarshalWithOptions([]byte(text), &whole, yaml.Strict())
	}
	if err := decode("lab:\n  hubs: 2\n  service: {id_scope: '0ne/1'}\n"); err != nil {
		t.Fatal(err)
	}
	if field, err := whole.Lab.Check(); field != "service.id_scope" || err == nil || len(whole.Lab.Hubs.Each()) != 2 {
		t.Errorf("%s %v", field, err)
	}
	if err := decode("lab:\n  hubs:\n    - wieght: 2\n"); err == nil || !strings.Contains(err.Error(), "[3:7]") {
		t.Errorf("%v", err)
	}
}

func TestAFileIsNamedInItsErrors(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "lab.yaml")
	if err := os.WriteFile(file, []byte("dpslab: lab/v1\nhubs: -1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := labfile.Load(file); err == nil || !strings.HasPrefix(err.Error(), file+": [2:7] hubs[0].count is -1") {
		t.Errorf("%v", err)
	}
	if _, err := labfile.Load(file + ".gone"); err == nil || !strings.Contains(err.Error(), "lab.yaml.gone") {
		t.Errorf("%v", err)
	}
}
