package interop_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/transcript"
)

// programTime is how long a program may take; most take four seconds.
const programTime = 90 * time.Second

// result is what a program printed of one step (node/step.js, python/step.py).
type result struct {
	Step  string          `json:"step"`
	OK    bool            `json:"ok"`
	MS    int             `json:"ms"`
	Saw   json.RawMessage `json:"saw"`
	Error *sdkError       `json:"error"`
}

// sdkError is an error as an application catches it.
type sdkError struct {
	Name    string          `json:"name"`
	Message string          `json:"message"`
	Status  int             `json:"status"` // of an HTTP answer
	Answer  json.RawMessage `json:"answer"` // what the SDK read it from
	Cause   string          `json:"cause"`
	Stack   string          `json:"stack"`
}

// witness is an SDK in its language, with our small programs over it.
type witness struct {
	folder     string   // of the programs
	command    []string // that runs one, there
	extension  string   // of their files
	transports []string // over which it registers, as the programs call them
	tpm        []string // those over which it can with a TPM
}

// run runs a program of the witness to its end and returns what each step saw. The test
// fails when a step is missing or did not pass.
func (w witness) run(t *testing.T, program string, args []string, id identity, steps []string) map[string]json.RawMessage {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), programTime)
	defer cancel()
	sdk := exec.CommandContext(ctx, w.command[0], slices.Concat(w.command[1:], []string{program + w.extension}, args)...)
	sdk.Dir = w.folder
	sdk.Env = append(os.Environ(), id.variables...)
	dieWithTest(sdk)
	var out, complaints bytes.Buffer
	sdk.Stdout, sdk.Stderr = &out, &complaints
	failed := sdk.Run()
	if ctx.Err() != nil {
		failed = ctx.Err()
	}

	saw := map[string]json.RawMessage{}
	told := results(t, out.Bytes())
	for i, step := range steps {
		switch {
		case i == len(told):
			t.Errorf("%s: the program ended without a word (%v)", step, failed)
		case told[i].Step != step:
			t.Errorf("%s: the program went on to %q instead", step, told[i].Step)
		case !told[i].OK:
			t.Errorf("%s: the SDK says after %d ms:\n%s", step, told[i].MS, told[i].Error.show())
		default:
			t.Logf("%-12s %5d ms  %s", step, told[i].MS, told[i].Saw)
			saw[step] = told[i].Saw
			continue
		}
		showFailure(t, id, complaints.String())
	}
	if len(told) > len(steps) || failed != nil {
		t.Errorf("all steps passed, then the program went on to %d more and ended with %v", len(told)-len(steps), failed)
		showFailure(t, id, complaints.String())
	}
	return saw
}

func results(t *testing.T, out []byte) []result {
	t.Helper()
	var all []result
	for line := range bytes.Lines(out) {
		var r result
		if err := json.Unmarshal(line, &r); err != nil {
			t.Logf("printed: %s", line)
			continue
		}
		if !r.OK && r.Error == nil {
			r.Error = &sdkError{Name: "no error was printed"}
		}
		all = append(all, r)
	}
	return all
}

// showFailure prints what the program and the lab have to say about it, and ends the test.
func showFailure(t *testing.T, id identity, complaints string) {
	t.Helper()
	if complaints != "" {
		t.Logf("the program's errors:\n%s", transcript.RedactText(complaints))
	}
	t.Logf("the lab's record of %s:\n%s", id.registration, record(t, id.registration))
	t.FailNow()
}

func (e *sdkError) show() string {
	var b strings.Builder
	b.WriteString(e.Stack)
	if e.Stack == "" {
		b.WriteString(e.Name + ": " + e.Message)
	}
	if e.Cause != "" {
		b.WriteString("\ncause: " + e.Cause)
	}
	if len(e.Answer) > 0 {
		b.WriteString("\nfrom the answer: " + string(transcript.RedactJSON(e.Answer)))
	}
	return transcript.RedactText(b.String())
}
