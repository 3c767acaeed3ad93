package reports_test

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/reports/internal/sample"
)

// TestHostileTextIsOnlyText holds every format that is no page to what a reader of bytes
// expects: valid UTF-8, nothing that a terminal obeys, and an end.
func TestHostileTextIsOnlyText(t *testing.T) {
	r := sample.Hostile()
	for _, c := range []struct {
		format string
		write  func(io.Writer, reports.Run) error
		bytes  int // that it may have, of a run whose texts have many megabytes
	}{
		{"JSON", reports.WriteJSON, 5 << 20},
		{"JUnit", reports.WriteJUnit, 5 << 20},
		{"text", reports.WriteText, 1 << 20},
	} {
		t.Run(c.format, func(t *testing.T) {
			var b bytes.Buffer
			if err := c.write(&b, r); err != nil {
				t.Fatal(err)
			}
			text := b.String()
			if len(text) > c.bytes {
				t.Errorf("%d bytes", len(text))
			}
			if !utf8.ValidString(text) {
				t.Error("no UTF-8")
			}
			for i, r := range text {
				if r != '\n' && r != '\t' && !unicode.IsPrint(r) {
					t.Fatalf("%U in %q", r, text[max(0, i-40):i+10])
				}
			}
		})
	}
}

func TestHostileJSONIsReadBack(t *testing.T) {
	r := sample.Hostile()
	var b bytes.Buffer
	if err := reports.WriteJSON(&b, r); err != nil {
		t.Fatal(err)
	}
	got, err := reports.ReadJSON(&b)
	if err != nil {
		t.Fatal(err)
	}
	// What JSON can carry is carried: escapes are none of the text's.
	want := strings.ToValidUTF8(sample.Evil, "\ufffd")
	want = strings.ReplaceAll(want, "\ufffd", "")
	if said := strings.ReplaceAll(got.Results[1].Title, "\ufffd", ""); !strings.HasPrefix(said, want) {
		t.Errorf("got %q", said)
	}
}

func TestHostileJUnitIsWellFormed(t *testing.T) {
	var b bytes.Buffer
	if err := reports.WriteJUnit(&b, sample.Hostile()); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, name := range strings.Fields("testsuites testsuite properties property testcase skipped failure error system-out") {
		known[name] = true
	}
	for d := xml.NewDecoder(&b); ; {
		token, err := d.Token()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			if !known[e.Name.Local] {
				t.Errorf("an element %q", e.Name.Local)
			}
		case xml.Directive, xml.Comment:
			t.Errorf("%T", token)
		}
	}
}

func TestLongTextsAreCutAndSaySo(t *testing.T) {
	r := sample.Mixed()
	r.Results[0].Outcome, r.Results[0].Reason = reports.Failed, ""
	r.Results[0].Failure = strings.Repeat("é", 1<<20)
	for range 200 {
		r.Results[0].Exchange = append(r.Results[0].Exchange, reports.Event{Kind: "message", Summary: "PINGREQ", Body: strings.Repeat("x", 16<<10)})
	}
	r.Results[0].Exchange = append(r.Results[0].Exchange, reports.Event{Kind: "message", Summary: "the last"})
	r.Tally()
	var b bytes.Buffer
	if err := reports.WriteJSON(&b, r); err != nil {
		t.Fatal(err)
	}
	got, err := reports.ReadJSON(&b)
	if err != nil {
		t.Fatal(err)
	}
	one := got.Results[0]
	if !strings.HasSuffix(one.Failure, "é … [cut: 2097152 bytes in all]") || len(one.Failure) > 70<<10 {
		t.Errorf("%d bytes: … %s", len(one.Failure), one.Failure[len(one.Failure)-60:])
	}
	first, last := one.Exchange[0], one.Exchange[len(one.Exchange)-1]
	if first.Kind != "note" || !strings.HasSuffix(first.Summary, "earlier events were cut") || last.Summary != "the last" {
		t.Errorf("from %q to %q", first.Summary, last.Summary)
	}
	if len(r.Results[0].Failure) != 2<<20 || len(r.Results[0].Exchange) < 200 {
		t.Error("the run itself was changed")
	}
}

func TestAResultFileThatIsTooLong(t *testing.T) {
	_, err := reports.ReadJSONUpTo(io.MultiReader(strings.NewReader(`{"schema":"`), endless{}), 3<<20)
	if err == nil || !strings.Contains(err.Error(), "more than 3 MiB") {
		t.Error(err)
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'a'
	}
	return len(b), nil
}
