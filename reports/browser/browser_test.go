package browser_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/reports/html"
	"github.com/dpslab/dpslab/reports/internal/sample"
)

// programTime is how long a program may take; the longest takes ten seconds.
const programTime = 120 * time.Second

// result is what a program printed of one step (node/step.js).
type result struct {
	Step  string          `json:"step"`
	OK    bool            `json:"ok"`
	MS    int             `json:"ms"`
	Saw   json.RawMessage `json:"saw"`
	Error string          `json:"error"`
}

// drive runs a program to its end and returns what it told of each step.
func drive(t *testing.T, chromium, program string, args ...string) (told []result, complaints string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), programTime)
	defer cancel()
	node := exec.CommandContext(ctx, "node", append([]string{program}, args...)...)
	node.Dir = folder
	node.Env = append(os.Environ(), chromiumVariable+"="+chromium)
	node.Cancel = func() error { return node.Process.Signal(os.Interrupt) } // lets it end its browser
	node.WaitDelay = 10 * time.Second
	var out, said bytes.Buffer
	node.Stdout, node.Stderr = &out, &said
	err := node.Run()
	for line := range strings.Lines(out.String()) {
		var r result
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%s printed %q: %v", program, line, err)
		}
		told = append(told, r)
	}
	if err != nil {
		said.WriteString(err.Error())
	}
	return told, said.String()
}

// passes runs a program whose every step has to pass.
func passes(t *testing.T, chromium, program string, args []string, steps ...string) {
	t.Helper()
	told, complaints := drive(t, chromium, program, args...)
	for i, step := range steps {
		switch {
		case i == len(told):
			t.Fatalf("%s: the program ended without a word: %s", step, complaints)
		case told[i].Step != step:
			t.Fatalf("%s: the program went on to %q instead", step, told[i].Step)
		case !told[i].OK:
			t.Fatalf("%s: %s", step, told[i].Error)
		}
		t.Logf("%-18s %5d ms  %s", step, told[i].MS, told[i].Saw)
	}
	if len(told) > len(steps) || complaints != "" {
		t.Errorf("all steps passed, then the program went on to %d more: %s", len(told)-len(steps), complaints)
	}
}

func pageOf(t *testing.T, r reports.Run) (file string) {
	t.Helper()
	var b bytes.Buffer
	if err := html.WriteRun(&b, r); err != nil {
		t.Fatal(err)
	}
	return write(t, b.String())
}

func write(t *testing.T, text string) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "a report.html")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestTheRunPageIsUsable(t *testing.T) {
	chromium := needsBrowser(t)
	file := pageOf(t, sample.Mixed())
	for _, scheme := range []string{"light", "dark"} {
		t.Run(scheme, func(t *testing.T) {
			passes(t, chromium, "run.js", []string{file, scheme},
				"open", "accessible", "filter by outcome", "filter by family", "filter by text", "open a red", "copy its command",
				"follow the grid", "unfolded", "narrow", "print", "clean", "without script")
		})
	}
}

func TestAGreenRunPage(t *testing.T) {
	passes(t, needsBrowser(t), "judge.js", []string{pageOf(t, sample.Green())}, "open", "clean", "accessible", "narrow")
}

func TestAHostilePageRunsNoScript(t *testing.T) {
	passes(t, needsBrowser(t), "hostile.js", []string{pageOf(t, sample.Hostile())}, "open", "accessible", "narrow", "click and filter")
}

func TestFiveHundredRedsOpen(t *testing.T) {
	passes(t, needsBrowser(t), "large.js", []string{pageOf(t, sample.Reds(500))}, "open", "filter")
}

// TestABadPageIsSeen breaks a good page in each way that the others must catch.
func TestABadPageIsSeen(t *testing.T) {
	chromium := needsBrowser(t)
	var b strings.Builder
	if err := html.WriteRun(&b, sample.Mixed()); err != nil {
		t.Fatal(err)
	}
	cases := []struct{ rule, old, new, step, says string }{
		{"a script that is not the page's own", "</main>", "</main><script>alert(1)</script>", "clean", "script-src"},
		{"a handler in an attribute", "<h1>", `<h1 onclick="f()">`, "clean", "script-src"},
		{"an image from elsewhere", "</main>", `</main><img alt="" src="http://127.0.0.1:1/a.png">`, "clean", "img-src"},
		{"a style sheet beside the page", "<title>", `<link rel="stylesheet" href="other.css"><title>`, "clean", "style-src"},
		{"a style sheet that was changed", "--quiet: #595956;", "--quiet: #595957;", "clean", "style-src"},
		{"a script that was changed", "    filter.hidden = false;", "    nobody.home();", "clean", "script-src"},
		{"an icon beside the page", `href="data:,"`, `href="other.png"`, "clean", "img-src"},
		{"a field without a label", "<label>Outcome <select", "Outcome <select", "accessible", "select-name"},
		{"a page without a language", `<html lang="en">`, "<html>", "accessible", "html-has-lang"},
		{"text that is hard to see", `<p class="kind">`, `<p class="kind"><font color="#cccccc">pale</font> `, "accessible", "color-contrast"},
		{"a heading that skips a level", `<h2 id="h-summary">Summary</h2>`, `<h5 id="h-summary">Summary</h5>`, "accessible", "heading-order"},
		{"something that is wide", "</header>", `<hr width="2000"></header>`, "narrow", "pixels wide"},
	}
	var files []string
	for _, c := range cases {
		if strings.Count(b.String(), c.old) == 0 {
			t.Fatalf("%s: the page has no %q to break", c.rule, c.old)
		}
		files = append(files, write(t, strings.Replace(b.String(), c.old, c.new, 1)))
	}
	told, complaints := drive(t, chromium, "judge.js", files...)
	last := map[int]result{} // of each page
	page := -1
	for _, r := range told {
		if r.Step == "open" {
			page++
		}
		last[page] = r
	}
	for i, c := range cases {
		if got := last[i]; got.OK || got.Step != c.step || !strings.Contains(got.Error, c.says) {
			t.Errorf("%s: %q ended with %v: %s", c.rule, got.Step, got.OK, got.Error)
		}
	}
	if t.Failed() {
		t.Log(complaints)
	}
}
