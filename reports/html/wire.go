package html

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/transcript"
	"github.com/dpslab/dpslab/reports"
)

// wire is what passed over the wire in one check, told once: a message that both sides
// recorded alike is one entry, and where the records differ each side has its say.
type wire struct {
	Entries []entry
	Earlier int  // entries before them that are left out
	Both    bool // there is a record of either side
}

// entry is one message or fact.
type entry struct {
	After string // milliseconds since the exchange began
	Conn  string
	Kind  string
	From  string // client or server; "" for what is no message
	Seen  string // by both, or by client or server alone
	Said
	Server *Said // the server's record, where it differs
}

// Said is what one side recorded.
type Said struct {
	Summary string
	Lines   []string
	Body    string
}

const (
	entryMarkup = 300
	entryBytes  = 6_000 // of one entry at most
)

func newWire(x reports.Exchange, bytes int) wire {
	if len(x) == 0 {
		return wire{}
	}
	rows, names := pair(x)
	w := wire{Both: slices.ContainsFunc(x, func(e reports.Event) bool { return e.Side == transcript.Server })}
	begin := rows[0].at()
	each := min(entryBytes, max(bytes/4, wordBytes))
	for i := len(rows) - 1; i >= 0; i-- {
		e, taken := rows[i].entry(begin, names, each)
		if bytes -= taken; bytes < 0 && len(w.Entries) > 0 {
			w.Earlier = i + 1
			break
		}
		w.Entries = append(w.Entries, e)
	}
	slices.Reverse(w.Entries)
	return w
}

// pairing is an event as client and server recorded it; one of them may be nil.
type pairing struct{ client, server *reports.Event }

// at is the time by the client's clock where the client recorded it: it is the one order
// that every target's exchange has.
func (p pairing) at() time.Time {
	if p.client != nil {
		return p.client.At
	}
	return p.server.At
}

// pair finds the two records of each event, and for connections of the server the one of
// the client that it is. Two connections are one when their records say the same of how
// they were opened, or of a message.
func pair(x reports.Exchange) (rows []pairing, clients map[uint64]uint64) {
	clients = map[uint64]uint64{}
	type saying struct{ from, summary string }
	waiting := map[saying][]int{}  // rows that lack a side, by what they say
	partner := map[uint64]uint64{} // the server's connection of each of the client's
	for i := range x {
		e := &x[i]
		key := saying{flow(*e), e.Summary}
		at := slices.IndexFunc(waiting[key], func(n int) bool {
			c, s := rows[n].client, rows[n].server
			switch {
			case c != nil && e.Side == transcript.Server:
				s = e
			case s != nil && e.Side == transcript.Client:
				c = e
			default:
				return false
			}
			of, known := partner[c.Conn]
			_, has := clients[s.Conn]
			return known && of == s.Conn || !known && !has
		})
		if e.Kind == transcript.KindInjected || e.Kind == transcript.KindNote || at < 0 {
			row := pairing{client: e}
			if e.Side == transcript.Server {
				row = pairing{server: e}
			}
			waiting[key] = append(waiting[key], len(rows))
			rows = append(rows, row)
			continue
		}
		n := waiting[key][at]
		waiting[key] = slices.Delete(waiting[key], at, at+1)
		if e.Side == transcript.Server {
			rows[n].server = e
		} else {
			rows[n].client = e
		}
		c, s := rows[n].client.Conn, rows[n].server.Conn
		partner[c], clients[s] = s, c
	}
	slices.SortStableFunc(rows, func(a, b pairing) int { return a.at().Compare(b.at()) })
	return rows, clients
}

// flow is the kind of an event, with the side that spoke where it is a message.
func flow(e reports.Event) string {
	if from := speaker(e); from != "" {
		return from
	}
	return e.Kind
}

// speaker is the side that a message is from, "" for what is no message.
func speaker(e reports.Event) string {
	if e.Kind != transcript.KindMessage && e.Kind != transcript.KindGarbage {
		return ""
	}
	if (e.Side == transcript.Client) == (e.Direction == transcript.Sent.String()) {
		return "client"
	}
	return "server"
}

// entry shows an event, and tells the bytes that it takes.
func (p pairing) entry(begin time.Time, clients map[uint64]uint64, bytes int) (entry, int) {
	e, v := p.client, entry{Seen: "client"}
	switch {
	case p.client != nil && p.server != nil:
		v.Seen = "both"
	case p.server != nil:
		e, v.Seen = p.server, "server"
	}
	v.Kind, v.From = e.Kind, speaker(*e)
	v.After = fmt.Sprintf("%.1f", float64(p.at().Sub(begin).Microseconds())/1000)
	v.Conn = fmt.Sprint(e.Conn)
	if p.client == nil {
		if c, known := clients[e.Conn]; known {
			v.Conn = fmt.Sprint(c)
		} else {
			v.Conn = "s" + v.Conn // between the server and others, such as its hub
		}
	}
	said, taken := newSaid(*e, bytes)
	v.Said = said
	if v.Seen == "both" && v.From != "" && (p.client.Body != p.server.Body || !slices.Equal(p.client.Lines, p.server.Lines)) {
		other, more := newSaid(*p.server, bytes)
		v.Server, taken = &other, taken+more+entryMarkup
	}
	return v, taken + entryMarkup
}

func newSaid(e reports.Event, bytes int) (Said, int) {
	summary, taken := fit(e.Summary, bytes/2)
	s := Said{Summary: summary}
	for i, l := range e.Lines {
		if left := bytes - taken; left < wordBytes/2 {
			s.Lines = append(s.Lines, fmt.Sprintf("… [cut: %d lines more]", len(e.Lines)-i))
			break
		}
		text, n := fit(l, bytes/4)
		s.Lines = append(s.Lines, text)
		taken += n + 1
	}
	body, n := fit(e.Body, max(bytes-taken, bytes/4))
	s.Body = strings.TrimRight(body, "\n")
	return s, taken + n
}
