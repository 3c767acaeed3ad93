// Package query is the query language of the provisioning service's and the hub's
// service APIs, as far as tools use it (service-api.md 1.4, iot-hub.md 4.5):
//
//	[SELECT] * [FROM collection] [WHERE condition]
//	SELECT member [AS name], … [FROM collection] [WHERE condition]
//
// A condition compares members of a record, by dotted path, with literals: = != <> < <=
// > >=, [NOT] IN [a, b], IS_DEFINED(path), joined by AND, OR, NOT and parentheses.
// Keywords are written in any case. Strings stand in ', " or back-ticks, and a quote is
// doubled inside its own. FROM is advice: the request's path chooses the collection.
// Aggregates, GROUP BY and ORDER BY are refused.
package query

import "fmt"

const (
	// maxLength and maxDepth bound what a caller can make the parser do. The SDKs' own
	// queries have a few dozen characters.
	maxLength = 8 << 10
	maxDepth  = 32
)

// Query is a parsed query. The zero Query selects everything.
type Query struct {
	from    string
	columns []column  // nil: whole records
	where   condition // nil: everything
}

// From is the collection that the query names, as it was written, or "".
func (q Query) From() string { return q.from }

// Matches reports whether the query selects a record, given as decoded JSON. A
// comparison with a member that is absent is neither true nor false: it selects nothing,
// and neither does its negation.
func (q Query) Matches(doc map[string]any) bool {
	return q.where == nil || q.where.holds(doc) == yes
}

// All reports whether the query selects every record, so that none need be looked at.
func (q Query) All() bool { return q.where == nil }

// Parse reads a query. Its errors say what was expected and where, by a count of bytes
// from 1.
func Parse(text string) (Query, error) {
	if len(text) > maxLength {
		return Query{}, fmt.Errorf("the query is longer than %d bytes", maxLength)
	}
	tokens, err := scan(text)
	if err != nil {
		return Query{}, err
	}
	p := parser{tokens: tokens}
	var q Query
	switch selects := p.keyword("SELECT"); {
	case p.symbol("*"):
	case !selects:
		return Query{}, p.expected("SELECT or *")
	default:
		if q.columns, err = p.columns(); err != nil {
			return Query{}, err
		}
	}
	if p.keyword("FROM") {
		if q.from, err = p.path(); err != nil {
			return Query{}, err
		}
	}
	if p.keyword("WHERE") {
		if q.where, err = p.or(); err != nil {
			return Query{}, err
		}
	}
	if p.peek().kind != tokenEnd {
		if p.peek().is("GROUP") || p.peek().is("ORDER") {
			return Query{}, p.expected("the end of the query, for GROUP BY and ORDER BY are not supported")
		}
		return Query{}, p.expected("the end of the query")
	}
	return q, nil
}
