package query

import (
	"fmt"
	"slices"
	"strings"
)

// parser reads a condition by recursive descent: or, and, not, primary.
type parser struct {
	tokens []token
	next   int
	depth  int // of parentheses and NOTs
}

func (p *parser) peek() token { return p.tokens[p.next] }

// take returns the next token and goes past it; the end stays.
func (p *parser) take() token {
	t := p.tokens[p.next]
	if t.kind != tokenEnd {
		p.next++
	}
	return t
}

func (p *parser) keyword(word string) bool {
	if p.peek().is(word) {
		p.next++
		return true
	}
	return false
}

func (p *parser) symbol(text string) bool {
	if t := p.peek(); t.kind == tokenSymbol && t.text == text {
		p.next++
		return true
	}
	return false
}

func (p *parser) expected(what string) error { return p.peek().unwanted(what) }

// unwanted says that the token stands where something else was expected.
func (t token) unwanted(what string) error {
	if t.kind == tokenEnd {
		return fmt.Errorf("at %d: the query ends; expected %s", t.at, what)
	}
	return fmt.Errorf("at %d: found %.40q; expected %s", t.at, t.text, what)
}

func (p *parser) or() (condition, error) {
	return p.joined("OR", p.and, func(all []condition) condition { return anyOf(all) })
}

func (p *parser) and() (condition, error) {
	return p.joined("AND", p.not, func(all []condition) condition { return allOf(all) })
}

func (p *parser) joined(word string, operand func() (condition, error), join func([]condition) condition) (condition, error) {
	first, err := operand()
	if err != nil || !p.peek().is(word) {
		return first, err
	}
	all := []condition{first}
	for p.keyword(word) {
		c, err := operand()
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return join(all), nil
}

func (p *parser) not() (condition, error) {
	if !p.keyword("NOT") {
		return p.primary()
	}
	return p.deeper(func() (condition, error) {
		c, err := p.not()
		return not{c}, err
	})
}

// deeper bounds the recursion, and with it the stack.
func (p *parser) deeper(f func() (condition, error)) (condition, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, fmt.Errorf("at %d: the query is nested deeper than %d", p.peek().at, maxDepth)
	}
	defer func() { p.depth-- }()
	return f()
}

func (p *parser) primary() (condition, error) {
	if p.symbol("(") {
		return p.deeper(func() (condition, error) {
			c, err := p.or()
			if err == nil && !p.symbol(")") {
				err = p.expected(")")
			}
			return c, err
		})
	}
	if p.peek().kind == tokenWord && p.tokens[p.next+1].text == "(" && p.tokens[p.next+1].kind == tokenSymbol {
		return p.function()
	}
	return p.comparison()
}

func (p *parser) function() (condition, error) {
	if !p.keyword("IS_DEFINED") {
		return nil, p.expected("a comparison, or the one function IS_DEFINED")
	}
	p.take() // the parenthesis, which primary saw
	path, err := p.path()
	if err != nil {
		return nil, err
	}
	if !p.symbol(")") {
		return nil, p.expected(")")
	}
	return defined{strings.Split(path, ".")}, nil
}

var comparisons = []string{"=", "!=", "<>", "<", "<=", ">", ">="}

func (p *parser) comparison() (condition, error) {
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	if p.keyword("NOT") {
		if !p.peek().is("IN") {
			return nil, p.expected("IN")
		}
		c, err := p.list(left)
		return not{c}, err
	}
	if p.peek().is("IN") {
		return p.list(left)
	}
	if t := p.peek(); t.kind != tokenSymbol || !slices.Contains(comparisons, t.text) {
		return nil, p.expected("a comparison: " + strings.Join(comparisons, " ") + ", or IN")
	}
	operator := p.take().text
	right, err := p.operand()
	return compare{left, operator, right}, err
}

// list reads IN [a, b].
func (p *parser) list(left operand) (condition, error) {
	p.take() // IN, which comparison saw
	if !p.symbol("[") {
		return nil, p.expected("[")
	}
	var all anyOf
	for {
		right, err := p.operand()
		if err != nil {
			return nil, err
		}
		all = append(all, compare{left, "=", right})
		if p.symbol("]") {
			return all, nil
		}
		if !p.symbol(",") {
			return nil, p.expected(", or ]")
		}
	}
}

func (p *parser) operand() (operand, error) {
	switch t := p.peek(); {
	case t.kind == tokenText:
		p.next++
		return operand{value: t.text}, nil
	case t.kind == tokenNumber:
		p.next++
		return operand{value: t.number}, nil
	case p.keyword("true"):
		return operand{value: true}, nil
	case p.keyword("false"):
		return operand{value: false}, nil
	case p.keyword("null"):
		return operand{}, nil
	}
	path, err := p.path()
	return operand{path: strings.Split(path, ".")}, err
}

var keywords = []string{"SELECT", "FROM", "WHERE", "AND", "OR", "NOT", "IN", "GROUP", "ORDER", "TRUE", "FALSE", "NULL"}

// path reads a dotted path. Only its first segment cannot be a keyword.
func (p *parser) path() (string, error) {
	t := p.peek()
	if t.kind != tokenWord || slices.Contains(keywords, strings.ToUpper(t.text)) {
		return "", p.expected("a name or a value")
	}
	path := p.take().text
	for p.symbol(".") {
		if p.peek().kind != tokenWord {
			return "", p.expected("a name after the dot")
		}
		path += "." + p.take().text
	}
	return path, nil
}
