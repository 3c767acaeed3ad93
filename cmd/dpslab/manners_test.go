package main

import (
	"strings"
	"testing"
)

// oneLineOf demands the manners of an error: nothing on stdout, one line on stderr, lower
// case behind the program's name, no colours, and the given parts.
func oneLineOf(t testing.TB, p *process, parts ...string) {
	t.Helper()
	said := p.stderr.String()
	text, prefixed := strings.CutPrefix(said, "dpslab: ")
	switch {
	case !prefixed || strings.Count(said, "\n") != 1 || !strings.HasSuffix(said, "\n"):
		t.Errorf("not one line of dpslab: %s", p)
	case strings.ContainsAny(said, "\x1b\t") || text[0] >= 'A' && text[0] <= 'Z' && !strings.Contains("PGD", text[:1]):
		t.Errorf("not lower case and plain: %s", p)
	}
	for _, part := range parts {
		if !strings.Contains(said, part) {
			t.Errorf("does not say %q: %s", part, p)
		}
	}
}

// oneLineOfStderr is oneLineOf for commands that tell their steps on stdout.
func oneLineOfStderr(t testing.TB, p *process, parts ...string) {
	t.Helper()
	if strings.Count(p.stderr.String(), "\n") != 1 {
		t.Errorf("not one line: %s", p)
	}
	for _, part := range parts {
		if !strings.Contains(p.stderr.String(), part) {
			t.Errorf("does not say %q: %s", part, p)
		}
	}
}
