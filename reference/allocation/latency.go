package allocation

import (
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strings"
)

// Table says how far hubs are from networks: milliseconds by CIDR and host name, as in
// {"10.0.0.0/8": {"hub-a.azure-devices.net": 12}}. It stands for the table of the real
// service, which nobody can see (service-api.md 4.4, inferred).
type Table map[string]map[string]float64

// Latencies answers from a table how far hubs are from a client. Nil knows nothing.
type Latencies struct {
	rows    map[netip.Prefix]Distances
	lengths []int // of the prefixes, longest first
}

// Distances are milliseconds by the lower-case host names of hubs. Nil knows none.
type Distances map[string]float64

// NewLatencies reads a table. Bits after a prefix's length count for nothing.
func NewLatencies(t Table) (*Latencies, error) {
	l := &Latencies{rows: map[netip.Prefix]Distances{}}
	for cidr, hubs := range t {
		network, err := netip.ParsePrefix(cidr)
		if err != nil || network.Addr().Is4In6() {
			return nil, fmt.Errorf("network %q is not valid: it looks like 10.0.0.0/8 or fd00::/8", cidr)
		}
		network = network.Masked()
		if _, there := l.rows[network]; there {
			return nil, fmt.Errorf("network %s is there twice", network)
		}
		row := Distances{}
		for host, ms := range hubs {
			if !(ms >= 0) || math.IsInf(ms, 0) { // neither is NaN
				return nil, fmt.Errorf("latency %v from %s to %s is not valid: milliseconds, 0 or more", ms, network, host)
			}
			row[strings.ToLower(host)] = ms
		}
		l.rows[network] = row
	}
	for network := range l.rows {
		if !slices.Contains(l.lengths, network.Bits()) {
			l.lengths = append(l.lengths, network.Bits())
		}
	}
	slices.Sort(l.lengths)
	slices.Reverse(l.lengths)
	return l, nil
}

// From is how far hubs are from a client, by the longest prefix that it is in; nil when it
// is in none. [DPS-ALLOC-046]
func (l *Latencies) From(client netip.Addr) Distances {
	if l == nil {
		return nil
	}
	client = client.Unmap().WithZone("")
	for _, bits := range l.lengths {
		network, err := client.Prefix(bits)
		if err != nil { // a length that the other family has
			continue
		}
		if row, ok := l.rows[network]; ok {
			return row
		}
	}
	return nil
}

// Table is the table again, with each prefix in its canonical form.
func (l *Latencies) Table() Table {
	t := Table{}
	if l == nil {
		return t
	}
	for network, row := range l.rows {
		t[network.String()] = maps.Clone(row)
	}
	return t
}

// Nearest are the candidates that no other one is nearer than. Where nothing is known of
// any, all tie; a hub of which nothing is known is farther than every other.
func Nearest(candidates []Candidate, d Distances) []Candidate {
	var nearest []Candidate
	least := math.Inf(1)
	for _, c := range candidates {
		ms, known := d[strings.ToLower(c.Host)]
		switch {
		case !known || ms > least:
		case ms == least:
			nearest = append(nearest, c)
		default:
			nearest, least = []Candidate{c}, ms
		}
	}
	if nearest == nil { // [DPS-ALLOC-045]
		return candidates
	}
	return nearest
}
