package query

import (
	"slices"
	"strings"
)

// column is a member that a query names: SELECT a.b, c AS d.
type column struct {
	path []string
	name string // in the answer; the path's last segment where AS says nothing
}

// Projects reports whether the query asks for members and not for whole records.
func (q Query) Projects() bool { return q.columns != nil }

// Project returns the members of a record that the query names. A member that the record
// lacks is left out. A query for whole records returns the record.
func (q Query) Project(doc map[string]any) map[string]any {
	if !q.Projects() {
		return doc
	}
	members := map[string]any{}
	for _, c := range q.columns {
		if value, found := lookup(doc, c.path); found {
			members[c.name] = value
		}
	}
	return members
}

// columns reads path [AS name], …, whose names have to differ.
func (p *parser) columns() ([]column, error) {
	var all []column
	for {
		at := p.peek()
		if at.kind != tokenWord || slices.Contains(keywords, strings.ToUpper(at.text)) {
			return nil, p.expected("* or the name of a member")
		}
		path, err := p.path()
		if err != nil {
			return nil, err
		}
		if p.symbol("(") {
			p.next--
			return nil, p.expected("a member, for aggregates are not supported")
		}
		c := column{path: strings.Split(path, ".")}
		c.name = c.path[len(c.path)-1]
		if p.keyword("AS") {
			if at = p.peek(); at.kind != tokenWord {
				return nil, p.expected("a name after AS")
			}
			c.name = p.take().text
		}
		if slices.ContainsFunc(all, func(other column) bool { return other.name == c.name }) {
			return nil, at.unwanted("a name that no other member has; AS gives one")
		}
		all = append(all, c)
		if !p.symbol(",") {
			return all, nil
		}
	}
}
