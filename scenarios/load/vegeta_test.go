package load_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	results "github.com/dpslab/dpslab/reports/load"
	"github.com/dpslab/dpslab/scenarios/load"
)

func TestVegetaReadsTheFiles(t *testing.T) {
	folder := t.TempDir()
	vegeta := filepath.Join(folder, "vegeta")
	ctx, cancel := context.WithDeadline(context.Background(), clock.SocketDeadline(5*time.Minute))
	defer cancel()
	output := func(name string, args ...string) string {
		t.Helper()
		out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s %q: %v\n%s", filepath.Base(name), args, err, out)
		}
		return string(out)
	}
	output("go", "build", "-o", vegeta, "github.com/tsenart/vegeta/v12")

	var files []string
	began := clock.System().Now()
	for _, name := range []string{"flows.bin", "requests.bin"} {
		f, err := os.Create(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files = append(files, f.Name())
		r := load.NewRecorder(began, 0, f, f)
		for i := range 100 {
			at := began.Add(time.Duration(i) * 10 * time.Millisecond)
			s := load.Sample{Kind: "x509 group over mqtt", Flow: i, Intended: at, Actual: at.Add(time.Millisecond), End: at.Add(42 * time.Millisecond), Code: 200}
			if i < 10 {
				s.Code, s.ErrorCode = 429, 429001
			}
			if name == "flows.bin" {
				r.Flow(s)
			} else {
				r.Request(s)
			}
		}
		if err := r.Result(&results.Run{}); err != nil {
			t.Fatal(err)
		}
	}
	report := output(vegeta, append([]string{"report"}, files...)...)
	for _, want := range []string{"200, 202.02", "90.00%", "429:20", "200:180", "42ms"} {
		if !strings.Contains(report, want) {
			t.Errorf("vegeta report does not say %q:\n%s", want, report)
		}
	}
	if plot := output(vegeta, append([]string{"plot"}, files...)...); !strings.Contains(plot, "x509 group over mqtt") {
		t.Errorf("vegeta plot does not name the kind in %d bytes", len(plot))
	}
}
