package main

import (
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// commands are root and everything below it.
func commands(cmd *cobra.Command) []*cobra.Command {
	list := []*cobra.Command{cmd}
	for _, child := range cmd.Commands() {
		list = append(list, commands(child)...)
	}
	return list
}

func TestHelpShowsThreeRealCommandsFirst(t *testing.T) {
	for _, cmd := range newRoot().Commands() {
		if cmd.Hidden || cmd.Name() == "help" || cmd.Name() == "completion" || cmd.Name() == "version" || cmd.Name() == "health" {
			continue
		}
		if n := len(examples(cmd)); n != 3 {
			t.Errorf("%s shows %d commands", cmd.CommandPath(), n)
		}
	}
	root := newRoot()
	if len(examples(root)) != 3 {
		t.Errorf("%q", root.Example)
	}
	var told strings.Builder
	root.SetOut(&told)
	root.SetArgs([]string{"--help"})
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	if try, usage := strings.Index(told.String(), "  dpslab up "), strings.Index(told.String(), "Usage:"); try < 0 || try > usage {
		t.Errorf("the commands do not come first:\n%s", told.String())
	}
}

// Every command that any help shows is one that this binary takes.
func TestWhatHelpShowsCanBeTyped(t *testing.T) {
	shown := 0
	for _, cmd := range commands(newRoot()) {
		for _, line := range examples(cmd) {
			shown++
			words := strings.Fields(strings.NewReplacer(`"$`, "$", `"`, "").Replace(line))
			root := newRoot()
			called, rest, err := root.Find(words[1:])
			if err != nil {
				t.Errorf("%q: %v", line, err)
				continue
			}
			called.SetOut(io.Discard)
			if err := called.ParseFlags(rest); err != nil {
				t.Errorf("%q: %v", line, err)
			}
			if err := called.ValidateArgs(called.Flags().Args()); err != nil {
				t.Errorf("%q: %v", line, err)
			}
		}
	}
	if shown < 30 {
		t.Errorf("only %d commands are shown", shown)
	}
}

// examples are the commands of a help, without the words behind them and redirections.
func examples(cmd *cobra.Command) (list []string) {
	for line := range strings.Lines(cmd.Example) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " > ")
		line, _, _ = strings.Cut(line, "   ")
		if strings.HasPrefix(line, "dpslab ") {
			list = append(list, line)
		}
	}
	return list
}

func TestACommandThatHoldsOthersShowsThem(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"ca"}, {"enroll"}, {"hub"}, {"reference"}} {
		p := invoke(t, environment(t), "dpslab", args...)
		if p.code != exitPassed || !strings.Contains(p.stdout.String(), "Commands:") || p.stderr.String() != "" {
			t.Errorf("%s", p)
		}
	}
}

func TestCallsThatAreWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ line, says string }{
		{"upp", `unknown command "upp"`},
		{"hub sevre", `unknown command "sevre"`},
		{"enroll device dev-01", `unknown command "device"`},
		{"ca exprot", `unknown command "exprot"`},
		{"conformance rnu", `unknown command "rnu"`},
		{"up --portt 1", "unknown flag: --portt"},
		{"up --hubs three", `invalid argument "three" for "--hubs"`},
		{"device", "accepts 1 arg(s), received 0"},
		{"device a b", "accepts 1 arg(s), received 2"},
		{"ca import", "accepts 2 arg(s)"},
		{"enroll rm group", "requires at least 2 arg(s)"},
		{"health now", `unknown command "now"`},
	} {
		p := invoke(t, environment(t), "dpslab", strings.Fields(c.line)...)
		if p.code != exitUntestable || p.stdout.String() != "" {
			t.Errorf("%s", p)
		}
		oneLineOf(t, p, c.says, "; try: dpslab", "--help")
	}
}
