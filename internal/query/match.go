package query

import (
	"cmp"
	"encoding/json"
	"reflect"
)

// truth has a third value, for what is said of an absent member.
type truth int8

const (
	no truth = iota - 1
	unknown
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// condition is a node of a WHERE.
type condition interface {
	holds(doc map[string]any) truth
}

// anyOf is OR: the best of its conditions.
type anyOf []condition

func (all anyOf) holds(doc map[string]any) truth {
	best := no
	for _, c := range all {
		best = max(best, c.holds(doc))
	}
	return best
}

// allOf is AND: the worst of its conditions.
type allOf []condition

func (all allOf) holds(doc map[string]any) truth {
	worst := yes
	for _, c := range all {
		worst = min(worst, c.holds(doc))
	}
	return worst
}

type not struct{ condition }

func (n not) holds(doc map[string]any) truth { return -n.condition.holds(doc) }

type defined struct{ path []string }

func (d defined) holds(doc map[string]any) truth {
	_, found := lookup(doc, d.path)
	return truthOf(found)
}

// operand is a literal, or a path when path is not nil.
type operand struct {
	path  []string
	value any
}

func (o operand) in(doc map[string]any) (value any, found bool) {
	if o.path == nil {
		return o.value, true
	}
	return lookup(doc, o.path)
}

func lookup(doc map[string]any, path []string) (any, bool) {
	var value any = doc
	for _, name := range path {
		object, isObject := value.(map[string]any)
		if !isObject {
			return nil, false
		}
		var found bool
		if value, found = object[name]; !found {
			return nil, false
		}
	}
	return value, true
}

type compare struct {
	left     operand
	operator string
	right    operand
}

func (c compare) holds(doc map[string]any) truth {
	left, found := c.left.in(doc)
	right, foundRight := c.right.in(doc)
	if !found || !foundRight {
		return unknown
	}
	switch c.operator {
	case "=":
		return truthOf(equal(left, right))
	case "!=", "<>":
		return truthOf(!equal(left, right))
	}
	sign, ordered := order(left, right)
	if !ordered {
		return unknown
	}
	switch c.operator {
	case "<":
		return truthOf(sign < 0)
	case "<=":
		return truthOf(sign <= 0)
	case ">":
		return truthOf(sign > 0)
	}
	return truthOf(sign >= 0)
}

// equal compares scalars of one kind. Values of different kinds are different, and an
// object or array equals nothing.
func equal(a, b any) bool {
	if sign, ordered := order(a, b); ordered {
		return sign == 0
	}
	x, isBool := a.(bool)
	y, areBool := b.(bool)
	return isBool && areBool && x == y || a == nil && b == nil
}

// order compares two numbers or two strings; nothing else has an order.
func order(a, b any) (sign int, ordered bool) {
	if x, isNumber := number(a); isNumber {
		y, areNumbers := number(b)
		return cmp.Compare(x, y), areNumbers
	}
	x, isText := a.(string)
	y, areTexts := b.(string)
	return cmp.Compare(x, y), isText && areTexts
}

// number takes what a JSON decoder makes of a number, and what a program puts in its place.
func number(v any) (float64, bool) {
	switch n := v.(type) {
	case float64:
		return n, true
	case json.Number:
		f, err := n.Float64()
		return f, err == nil
	case nil:
		return 0, false
	}
	r := reflect.ValueOf(v)
	switch {
	case r.CanInt():
		return float64(r.Int()), true
	case r.CanUint():
		return float64(r.Uint()), true
	case r.CanFloat():
		return r.Float(), true
	}
	return 0, false
}
