package reports

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dpslab/dpslab/internal/transcript"
)

// String tells the whole exchange, one message after the other with its fields: what a
// person reads under a red.
func (x Exchange) String() string {
	var b strings.Builder
	for _, e := range x {
		fmt.Fprintf(&b, "%s %s\n", e.At.UTC().Format("15:04:05.000"), wireLine(e))
		for _, line := range e.Lines {
			b.WriteString("      " + printable(line) + "\n")
		}
		if e.Body != "" {
			b.WriteString("      " + printable(e.Body) + "\n")
		}
	}
	return b.String()
}

// around picks the wire lines next to the end of the exchange, where a check that stopped
// at its first difference stopped: at most n, from the client's record when there is one.
func (x Exchange) around(n int) []string {
	side := transcript.Server
	for _, e := range x {
		if e.Side == transcript.Client {
			side = transcript.Client
			break
		}
	}
	var lines []string
	for i := len(x) - 1; i >= 0 && len(lines) < n; i-- {
		if e := x[i]; e.Side == side && slices.Contains(tellingKinds, e.Kind) {
			line := wireLine(e)
			if e.Body != "" {
				line += "  " + e.Body
			}
			lines = append(lines, oneLine(line, lineWidth))
		}
	}
	slices.Reverse(lines)
	return lines
}

// tellingKinds are the kinds of event that a red shows of the wire; injected ones have a
// line of their own.
var tellingKinds = []string{transcript.KindMessage, transcript.KindGarbage, transcript.KindClosed}

// wireLine is an event on one line: who spoke, on which connection, and what.
func wireLine(e Event) string {
	if e.Kind == transcript.KindMessage || e.Kind == transcript.KindGarbage {
		fromClient := (e.Side == transcript.Client) == (e.Direction == transcript.Sent.String())
		who := "S>"
		if fromClient {
			who = "C>"
		}
		return fmt.Sprintf("#%d %s %s", e.Conn, who, printable(e.Summary))
	}
	return fmt.Sprintf("#%d -- %s: %s", e.Conn, e.Kind, printable(e.Summary))
}

// oneLine joins the lines of s and cuts it to width characters.
func oneLine(s string, width int) string {
	s = printable(strings.Join(strings.Fields(s), " "))
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:width-1]) + "…"
}

// printable replaces what a terminal would obey instead of show. Line ends and tabs stay.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return utf8.RuneError
	}, s)
}
