package html_test

import (
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/transcript"
	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/reports/html"
	"github.com/dpslab/dpslab/reports/internal/sample"
)

func TestWhatWouldNotBeSeenIsShown(t *testing.T) {
	for _, c := range []struct{ rule, in, want string }{
		{"text stays", "héllo – 世界\n\ttab", "héllo – 世界\n\ttab"},
		{"markup stays, the template escapes it", `<b a="1">&amp;`, `<b a="1">&amp;`},
		{"invalid UTF-8", "a\xff\xc3", `a\xff\xc3`},
		{"a character that says it was invalid is one", "\ufffd", "\ufffd"},
		{"controls", "\x00\x1b[1m\u009b\x7f", `\u{0}\u{1b}[1m\u{9b}\u{7f}`},
		{"directions and invisible ones", "a\u202eb\u200bc\ufeff\u00ad", `a\u{202e}b\u{200b}c\u{feff}\u{ad}`},
		{"line ends of Windows", "a\r\nb\rc", "a\nb\\u{d}c"},
		{"a tag character", "\U000e0041", `\u{e0041}`},
		{"long text", strings.Repeat("ab", 60), strings.Repeat("ab", 50) + " … [cut: 120 bytes in all]"},
		{"text that grows when it is escaped", strings.Repeat("<", 60), strings.Repeat("<", 20) + " … [cut: 60 bytes in all]"},
		{"long text of long characters", strings.Repeat("世", 60), strings.Repeat("世", 33) + " … [cut: 180 bytes in all]"},
	} {
		if got := html.Shown(c.in, 100); got != c.want {
			t.Errorf("%s: got %q, want %q", c.rule, got, c.want)
		}
	}
}

func TestAnAssertionIsTakenApart(t *testing.T) {
	for _, c := range []struct{ rule, text, about, got, expected string }{
		{"a plain one", "Expected\n    <int>: 200\nto equal\n    <int>: 202", "", "<int>: 200", "to equal\n<int>: 202"},
		{"one that says what it is about", "the PUT\nof a group\nExpected\n    <int>: 200\nto equal\n    <int>: 202", "the PUT\nof a group", "<int>: 200", "to equal\n<int>: 202"},
		{"one of several lines", "Expected\n    <[]int>: [\n        1,\n    ]\nnot to be empty", "", "<[]int>: [\n    1,\n]", "not to be empty"},
		{"an error", "wait for a packet: no packet came", "", "", ""},
		{"one that is no assertion", "Expected things", "", "", ""},
	} {
		about, got, expected, all := html.Failure(c.text)
		if about != c.about || got != c.got || expected != c.expected || (got == "") != (all == c.text) {
			t.Errorf("%s: %q %q %q %q", c.rule, about, got, expected, all)
		}
	}
}

// told is what the page tells of an exchange, one entry a line.
func told(t *testing.T, x reports.Exchange) (note string, entries []string) {
	t.Helper()
	r := sample.Reds(1)
	r.Results[0].Exchange = x
	_, root := page(t, r)
	body := byAnchor(root, "DPS-MQTT-001-mqtt")
	for _, p := range all(body, "p") {
		note += within(p)
	}
	for _, list := range all(body, "ol") {
		if attribute(list, "class") == "wire" {
			for _, li := range all(list, "li") {
				entries = append(entries, strings.Join(strings.Fields(within(li)), " "))
			}
		}
	}
	return note, entries
}

func TestRecordsOfBothSidesAreOneTale(t *testing.T) {
	event := func(side transcript.Side, conn uint64, direction, kind, summary string) reports.Event {
		return reports.Event{Side: side, Conn: conn, Direction: direction, Kind: kind, Summary: summary}
	}
	client, server := transcript.Client, transcript.Server
	for _, c := range []struct {
		rule     string
		exchange reports.Exchange
		note     string
		want     []string
	}{
		{"a message that arrived is told once", reports.Exchange{
			event(client, 1, "sent", "message", "PINGREQ"), event(server, 9, "received", "message", "PINGREQ"),
		}, "Both sides", []string{"0.0 connection #1 client → server PINGREQ"}},
		{"one that did not is the client's only", reports.Exchange{
			event(client, 1, "", "opened", "x"), event(server, 9, "", "opened", "x"), event(client, 1, "sent", "message", "PINGREQ"),
		}, "Both sides", []string{"0.0 connection #1 opened x", "0.0 connection #1 client → server client only PINGREQ"}},
		{"an answer that a fault swallowed is the server's only", reports.Exchange{
			event(client, 1, "", "opened", "x"), event(server, 9, "", "opened", "x"),
			event(server, 9, "", "injected", "silence at puback"), event(server, 9, "sent", "message", "PUBACK"),
		}, "Both sides", []string{"0.0 connection #1 opened x", "0.0 connection #1 fault silence at puback", "0.0 connection #1 server → client server only PUBACK"}},
		{"equal messages of two connections are kept apart", reports.Exchange{
			event(client, 1, "", "opened", "x"), event(client, 2, "", "opened", "y"), event(server, 9, "", "opened", "y"), event(server, 8, "", "opened", "x"),
			event(client, 1, "sent", "message", "PINGREQ"), event(client, 2, "sent", "message", "PINGREQ"),
			event(server, 9, "received", "message", "PINGREQ"),
		}, "Both sides", []string{
			"0.0 connection #1 opened x", "0.0 connection #2 opened y",
			"0.0 connection #1 client → server client only PINGREQ", "0.0 connection #2 client → server PINGREQ",
		}},
		{"a connection of the server with others is the server's", reports.Exchange{
			event(client, 1, "", "opened", "x"), event(server, 7, "", "opened", "z"), event(server, 7, "received", "message", "POST /devices"),
		}, "Both sides", []string{"0.0 connection #1 opened client only x", "0.0 connection #s7 opened server only z", "0.0 connection #s7 client → server server only POST /devices"}},
		{"without the other side's record nothing is compared", reports.Exchange{
			event(client, 1, "sent", "message", "PINGREQ"), event(client, 1, "received", "garbage", `\x00`),
		}, "there is none of the other side", []string{"0.0 connection #1 client → server PINGREQ", `0.0 connection #1 server → client \x00`}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			note, got := told(t, c.exchange)
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
			if !strings.Contains(note, c.note) {
				t.Error(note)
			}
		})
	}
}

func TestALongExchangeKeepsItsEnd(t *testing.T) {
	x := sample.Reds(1).Results[0].Exchange
	for range 30 {
		x = append(x, sample.Exchange()...)
	}
	x = append(x, reports.Event{At: x[len(x)-1].At, Side: transcript.Client, Direction: "sent", Kind: "message", Summary: "the last", Body: strings.Repeat("b", 17<<10)})
	for i := range x {
		x[i].Body += strings.Repeat(" ", 500)
	}
	note, entries := told(t, x)
	if !strings.Contains(note, "left out, run.json has more") {
		t.Error(note)
	}
	if last := entries[len(entries)-1]; !strings.Contains(last, "the last") || !strings.Contains(last, "[cut: ") {
		t.Errorf("%.200s", last)
	}
}
