package html

import (
	"fmt"
	"strings"

	"github.com/dpslab/dpslab/reports"
)

// factGroup is what is known of one thing.
type factGroup struct {
	Name  string
	Facts []fact
}

type fact struct {
	Name   string
	Values []string
}

// facts says what was tested, by what, and against what.
func facts(r reports.Run) []factGroup {
	t, tool := r.Target, r.Tool
	return []factGroup{
		list("Target",
			"device API", t.Host, "service API", t.ServiceHost, "id scope", t.IDScope,
			"dialled", dialled(t), "hubs", t.Hubs, "given as", given(t), "containers of", t.Image, "control port", yes(t.Control), "foreign", yes(t.Foreign),
			"defects armed", t.Defects),
		list("Run",
			"begun", r.Started.UTC().Format("2006-01-02 15:04:05.000")+" UTC", "took", r.Duration.String(),
			"label filter", r.Selection.LabelFilter, "focus", strings.Join(r.Selection.FocusIDs, " "), "selected", everything(r.Selection),
			"catalogue", r.Catalogue.Version, "its digest", r.Catalogue.Digest, "file format", r.Schema),
		list("Environment",
			"dpslab", tool.Version, "commit", tool.Commit, "built with", tool.Go, "ran on", strings.Trim(tool.OS+" "+tool.Arch, " ")),
	}
}

// list takes names and values in turn, a string or strings, and leaves out what has none.
func list(name string, pairs ...any) factGroup {
	g := factGroup{Name: name}
	for i := 0; i+1 < len(pairs); i += 2 {
		f := fact{Name: pairs[i].(string)}
		switch v := pairs[i+1].(type) {
		case string:
			if v != "" {
				f.Values = []string{shown(v, sentenceBytes)}
			}
		case []string:
			f.Values = shownAll(v)
		}
		if len(f.Values) > 0 {
			g.Facts = append(g.Facts, f)
		}
	}
	return g
}

func given(t reports.Target) string {
	switch t.Source {
	case "embedded":
		return "embedded: a lab in the same process"
	case "containers":
		return "containers: a lab in containers"
	}
	return "target file " + t.Source
}

func dialled(t reports.Target) string {
	to := t.Address
	if to == "" {
		to = "by name"
	}
	for _, p := range []struct {
		name string
		port int
	}{{"https", t.Ports.HTTPS}, {"mqtts", t.Ports.MQTTS}, {"amqps", t.Ports.AMQPS}} {
		if p.port != 0 {
			to += fmt.Sprintf(", %s %d", p.name, p.port)
		}
	}
	return to
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func everything(s reports.Selection) string {
	if s.LabelFilter == "" && len(s.FocusIDs) == 0 {
		return "every check"
	}
	return ""
}
