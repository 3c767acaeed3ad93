package html_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	dom "golang.org/x/net/html"

	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/reports/html"
	"github.com/dpslab/dpslab/reports/internal/sample"
)

func page(t testing.TB, r reports.Run) (text string, root *dom.Node) {
	t.Helper()
	var b strings.Builder
	if err := html.WriteRun(&b, r); err != nil {
		t.Fatal(err)
	}
	root, err := dom.Parse(strings.NewReader(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), root
}

// all are the elements with that name below root, "" for every one.
func all(root *dom.Node, name string) (list []*dom.Node) {
	for n := range root.Descendants() {
		if n.Type == dom.ElementNode && (name == "" || n.Data == name) {
			list = append(list, n)
		}
	}
	return list
}

func attribute(n *dom.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func within(n *dom.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == dom.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// items are the results that the page shows.
func items(root *dom.Node) (list []*dom.Node) {
	return slices.DeleteFunc(all(root, ""), func(n *dom.Node) bool {
		return !slices.ContainsFunc(n.Attr, func(a dom.Attribute) bool { return a.Key == "data-item" })
	})
}

func byAnchor(root *dom.Node, id string) *dom.Node {
	for _, n := range all(root, "") {
		if attribute(n, "id") == id {
			return n
		}
	}
	return nil
}

func TestThePageShowsEveryResult(t *testing.T) {
	r := sample.Mixed()
	text, root := page(t, r)
	counts := map[string]int{}
	for _, n := range items(root) {
		counts[attribute(n, "data-outcome")]++
	}
	c := r.Counts
	want := map[string]int{"passed": c.Passed, "failed": c.Failed, "error": c.Errors, "skipped": c.Skipped, "disabled": c.Disabled}
	if fmt.Sprint(counts) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", counts, want)
	}
	for _, part := range []string{
		"Does not conform.", "Armed on purpose:", "global.azure-devices-provisioning.net", "dpslab-1a2b.azure-devices-provisioning.net",
		"id scope 0ne00DEMO01", "dpslab-1a2b-hub-2.azure-devices.net", "target file lab.yaml", "v1.2.3", "0123456789abcdef", "go1.26.8", "linux amd64",
		"!slow", "sha256:00", "2030-01-01 12:00:00 UTC", "the target has no control port", "The service does number 99",
		"port 5671 refused the connection", "leave amqp out", "DPS-HTTPS-001 over https, listed because: was repaired", "waits for the next release",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("it does not say %q", part)
		}
	}
}

func TestARedIsToldInFull(t *testing.T) {
	r := sample.Mixed()
	_, root := page(t, r)
	found := 0
	for _, one := range r.Results {
		if one.Outcome != reports.Failed || len(one.Exchange) == 0 || one.Known != "" {
			continue
		}
		found++
		body := byAnchor(root, one.Requirement+"-"+one.Transport)
		if body == nil {
			t.Errorf("%s has no place", one.Name())
			continue
		}
		told := within(body.Parent)
		clause, _ := r.Clause(one.Requirement)
		for _, part := range []string{
			"failed", one.Requirement, one.Title, clause.Level, clause.Statement, clause.Source, "evidence: sdk", one.At, one.Rerun,
			"given: make an enrollment", "fault https-register-200 at httpsfront.replying", "On the wire", "client → server", "server → client",
			"PUT /0ne00DEMO01/registrations/dev-01/register", "sig=REDACTED", `{"registrationId":"dev-01"}`,
			"client only GET /0ne00DEMO01", "server only reset by peer", "the server's record differs:",
		} {
			if !strings.Contains(told, part) {
				t.Errorf("%s does not say %q", one.Name(), part)
			}
		}
		if strings.Count(told, `{"registrationId":"dev-01"}`) != 1 {
			t.Error("what both sides recorded alike is told twice")
		}
	}
	if found == 0 {
		t.Error("nothing to look at")
	}
}

func TestTheGridHasTheTransportsOfTheRun(t *testing.T) {
	r := sample.Green()
	r.Results[0].Transport, r.Results[1].Transport, r.Results[2].Transport = "amqp-ws", "carrier-pigeon", "amqp"
	_, root := page(t, r)
	var columns []string
	for _, table := range all(root, "table") {
		if attribute(table, "class") == "grid" {
			for _, th := range all(all(table, "thead")[0], "th") {
				columns = append(columns, within(th))
			}
		}
	}
	if want := []string{"family", "https", "mqtt", "mqtt-ws", "amqp", "amqp-ws", "carrier-pigeon", "no device", "all"}; !slices.Equal(columns, want) {
		t.Errorf("%q", columns)
	}
}

func TestTheVerdictInASentence(t *testing.T) {
	for _, c := range []struct {
		rule   string
		change func(r *reports.Run)
		says   string
	}{
		{"all passed", func(*reports.Run) {}, "✓ Conforms. Of 2 checks that ran, all passed."},
		{"one of them failed", func(r *reports.Run) { r.Results[0].Outcome = reports.Failed }, "✗ Does not conform. Of 2 checks that ran, 1 failed."},
		{"one broke", func(r *reports.Run) { r.Results[0].Outcome = reports.Error }, "! Could not be tested. Of 2 checks that ran, 1 could not be carried through."},
		{"one failed, one broke", func(r *reports.Run) { r.Results[0].Outcome, r.Results[1].Outcome = reports.Error, reports.Failed },
			"✗ Does not conform. Of 2 checks that ran, 1 failed and 1 could not be carried through."},
		{"one was not selected", func(r *reports.Run) { r.Results[0].Outcome = reports.Disabled },
			"✓ Conforms as far as it was checked. Of 1 check that ran, all passed. Of all checks, 1 were not selected."},
		{"one has no check", func(r *reports.Run) { r.Results = r.Results[:1] },
			"✓ Conforms as far as it was checked. Of 1 check that ran, all passed. No check covers 1 requirement."},
		{"nothing ran", func(r *reports.Run) { r.Results[0].Outcome, r.Results[1].Outcome = reports.Disabled, reports.Skipped },
			"– Nothing was tested. No check ran. Of all checks, 1 could not apply to this target and 1 were not selected."},
		{"a failure was known", func(r *reports.Run) { r.Results[0].Outcome, r.Results[0].Known = reports.Failed, "later" },
			"✓ Conforms but for what is known. Of 2 checks that ran, 1 failed as is known."},
		{"a known failure did not come", func(r *reports.Run) { r.Stale = []reports.Known{{Requirement: "DPS-HTTPS-001", Reason: "gone"}} },
			"✗ Better than known. Of 2 checks that ran, all passed. 1 failure listed as known did not come."},
		{"a claim did not hold", func(r *reports.Run) {
			r.Claims = []reports.Claim{{Name: "transport amqp", Claimed: true, Seen: reports.SeenNo, Outcome: reports.Failed, Note: "refused", Change: "drop it"}}
		}, "✗ Does not conform. Of 2 checks that ran, all passed. 1 claim of the target did not hold."},
	} {
		t.Run(c.rule, func(t *testing.T) {
			r := sample.Green()
			r.Results, r.Catalogue.Clauses = slices.Clone(r.Results[:2]), slices.Clone(r.Catalogue.Clauses[:2])
			c.change(&r)
			r.Tally()
			_, root := page(t, r)
			for _, p := range all(root, "p") {
				if strings.HasPrefix(attribute(p, "class"), "verdict") && within(p) != c.says {
					t.Errorf("got  %s\nwant %s", within(p), c.says)
				}
			}
		})
	}
}

// TestThePageAsksForNothing: everything is in the file, and the policy names it.
func TestThePageAsksForNothing(t *testing.T) {
	for name, r := range map[string]reports.Run{"mixed": sample.Mixed(), "hostile": sample.Hostile()} {
		t.Run(name, func(t *testing.T) {
			text, root := page(t, r)
			policy := ""
			for _, n := range all(root, "") {
				for _, a := range n.Attr {
					switch {
					case strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "src" || a.Key == "srcset" || a.Key == "action":
						t.Errorf("<%s %s=%.60q>", n.Data, a.Key, a.Val)
					case a.Key == "href" && !strings.HasPrefix(a.Val, "#") && a.Val != "data:,":
						t.Errorf("<%s href=%.60q>", n.Data, a.Val)
					case a.Key == "http-equiv" && a.Val == "Content-Security-Policy":
						policy = attribute(n, "content")
					}
				}
			}
			scripts, styles := all(root, "script"), all(root, "style")
			if len(scripts) != 1 || len(styles) != 1 {
				t.Fatalf("%d scripts, %d style sheets", len(scripts), len(styles))
			}
			digest := func(n *dom.Node) string {
				sum := sha256.Sum256([]byte(within(n)))
				return base64.StdEncoding.EncodeToString(sum[:])
			}
			want := fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; script-src 'sha256-%s'; img-src data:; base-uri 'none'; form-action 'none'",
				digest(styles[0]), digest(scripts[0]))
			if policy != want {
				t.Errorf("the policy is %s, the page needs %s", policy, want)
			}
			for _, name := range []string{"img", "iframe", "object", "embed", "form", "base", "svg", "audio", "video"} {
				if n := len(all(root, name)); n > 0 {
					t.Errorf("%d <%s>", n, name)
				}
			}
			if strings.Contains(text, "ZgotmplZ") {
				t.Error("the template refused a text")
			}
		})
	}
}

func TestHostileTextIsSeenAndHarmless(t *testing.T) {
	r := sample.Hostile()
	text, root := page(t, r)
	if len(text) > 5_000_000 {
		t.Errorf("%d bytes", len(text))
	}
	if !utf8.ValidString(text) {
		t.Error("no UTF-8")
	}
	for i, c := range text {
		if c != '\n' && c != '\t' && !unicode.IsPrint(c) {
			t.Fatalf("%U in %q", c, text[max(0, i-40):i+10])
		}
	}
	told := within(root)
	for _, part := range []string{`<script>window.evil = 1</script>`, `onerror="window.evil = 2"`, `{{.}}${evil}`, `\u{1b}[31m`, `\u{202e}gnp.exe`, `\xff\xfe`, "[cut: "} {
		if !strings.Contains(told, part) {
			t.Errorf("it does not show %s", part)
		}
	}
	if n := len(items(root)); n != len(r.Results) {
		t.Errorf("%d results of %d", n, len(r.Results))
	}
}

// TestFiveHundredRedsAreBelowFiveMegabytes, of ordinary texts and of those that grow most
// when they are escaped.
func TestFiveHundredRedsAreBelowFiveMegabytes(t *testing.T) {
	for name, change := range map[string]func(one *reports.Result){
		"ordinary": func(*reports.Result) {},
		"hostile": func(one *reports.Result) {
			huge := strings.Repeat(`"`, 50_000)
			one.Title, one.Failure, one.At, one.Rerun, one.Steps = huge, huge, huge, huge, []string{huge, huge}
			for i := range one.Exchange {
				e := &one.Exchange[i]
				e.Body, e.Summary, e.Lines = huge, huge, []string{huge}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := sample.Reds(500)
			for i := range r.Results {
				change(&r.Results[i])
			}
			text, root := page(t, r)
			t.Logf("%d bytes", len(text))
			if len(text) > 5_000_000 {
				t.Errorf("%d bytes", len(text))
			}
			if n := len(items(root)); n != 500 {
				t.Errorf("%d results", n)
			}
			if n := strings.Count(text, `<ol class="wire">`); n != 500 {
				t.Errorf("%d exchanges", n)
			}
		})
	}
}

// A red's place is the same in each report of it, and never taken twice.
func TestAnchorsAreUnique(t *testing.T) {
	for _, r := range []reports.Run{sample.Mixed(), sample.Hostile(), sample.Reds(50)} {
		_, root := page(t, r)
		seen := map[string]bool{}
		for _, n := range all(root, "") {
			if id := attribute(n, "id"); id != "" && seen[id] {
				t.Errorf("%q twice", id)
			} else {
				seen[id] = true
			}
		}
		for _, a := range all(root, "a") {
			if to := strings.TrimPrefix(attribute(a, "href"), "#"); !seen[to] {
				t.Errorf("a link leads to %q, which is nowhere", to)
			}
		}
	}
}

func FuzzPage(f *testing.F) {
	f.Add("Expected\n    <int>: 200\nto equal\n    <int>: 202", "a body")
	f.Add(sample.Evil, sample.Evil)
	f.Fuzz(func(t *testing.T, failure, body string) {
		r := sample.Green()
		r.Results = slices.Clone(r.Results[:1])
		one := &r.Results[0]
		one.Outcome, one.Failure, one.Exchange = reports.Failed, failure, sample.Exchange()
		for i := range one.Exchange {
			one.Exchange[i].Body, one.Exchange[i].Lines = body, []string{failure}
		}
		r.Tally()
		text, root := page(t, r)
		if !utf8.ValidString(text) || len(all(root, "script")) != 1 || len(items(root)) != 1 {
			t.Errorf("%q and %q break the page", failure, body)
		}
	})
}
