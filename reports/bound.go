package reports

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/dpslab/dpslab/internal/transcript"
)

// What a result file holds at most. A peer decides how long its words are, and must not
// decide how long a report is.
const (
	wordBytes     = 1 << 10  // a host, a title, a step
	failureBytes  = 64 << 10 // what was expected and what came
	lineBytes     = 9 << 10  // one header or field; transcripts keep 8 KiB and a note
	bodyBytes     = 17 << 10 // one body; transcripts keep 16 KiB and a note
	exchangeBytes = 1 << 20  // the text of all events of one result
	manySteps     = 1000
)

// bounded is the run with texts that are no longer than that.
func (r Run) bounded() Run { return r.eachText(cut) }

// eachText is a copy of the run in which each put everything that can come from a target
// or its peers; limit is what the text may be long. Ids stay as they are: they have to
// be found in the catalogue.
func (r Run) eachText(each func(s string, limit int) string) Run {
	word := func(s *string) { *s = each(*s, wordBytes) }
	words := func(list []string) []string {
		list = slices.Clone(list)
		for i := range list {
			word(&list[i])
		}
		return list
	}
	for _, s := range []*string{
		&r.Tool.Version, &r.Tool.Commit, &r.Tool.Go, &r.Tool.OS, &r.Tool.Arch, &r.Selection.LabelFilter,
		&r.Target.Source, &r.Target.Host, &r.Target.ServiceHost, &r.Target.IDScope, &r.Target.Address, &r.Target.Image,
	} {
		word(s)
	}
	r.Target.Hubs, r.Target.Defects, r.Selection.FocusIDs = words(r.Target.Hubs), words(r.Target.Defects), words(r.Selection.FocusIDs)
	r.Claims, r.Stale = slices.Clone(r.Claims), slices.Clone(r.Stale)
	for i := range r.Claims {
		for _, s := range []*string{&r.Claims[i].Name, &r.Claims[i].Note, &r.Claims[i].Change} {
			word(s)
		}
	}
	for i := range r.Stale {
		word(&r.Stale[i].Reason)
	}
	r.Results = slices.Clone(r.Results)
	for i := range r.Results {
		one := &r.Results[i]
		word(&one.Reason)
		word(&one.Known)
		word(&one.At)
		word(&one.Rerun)
		one.Failure = each(one.Failure, failureBytes)
		one.Steps = words(one.Steps[max(0, len(one.Steps)-manySteps):])
		one.Exchange = one.Exchange.eachText(each)
	}
	return r
}

// eachText keeps the end of the exchange, where the check stopped.
func (x Exchange) eachText(each func(s string, limit int) string) Exchange {
	kept, left := slices.Clone(x), exchangeBytes
	for i := len(kept) - 1; i >= 0; i-- {
		e := &kept[i]
		e.Summary, e.Body = each(e.Summary, lineBytes), each(e.Body, bodyBytes)
		for _, s := range []*string{&e.Service, &e.Listener, &e.Registration} {
			*s = each(*s, wordBytes)
		}
		e.Lines = slices.Clone(e.Lines)
		left -= len(e.Summary) + len(e.Body)
		for n, line := range e.Lines {
			e.Lines[n] = each(line, lineBytes)
			left -= len(e.Lines[n])
		}
		if left < 0 && i < len(kept)-1 {
			kept[i] = Event{
				At: e.At, Side: e.Side, Conn: e.Conn, Protocol: e.Protocol, Kind: transcript.KindNote,
				Summary: fmt.Sprintf("%d earlier events were cut", i+1),
			}
			return kept[i:]
		}
	}
	return kept
}

// cut shortens s to limit bytes, at a character's end, and says how many there were.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	size := len(s)
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return fmt.Sprintf("%s … [cut: %d bytes in all]", s[:limit], size)
}
