package strict

import (
	"encoding/json"
	"errors"
)

// object is a JSON object by exact member name, for no SDK matches names in any case.
type object map[string]json.RawMessage

// parseObject reads a body that has to be one JSON object and nothing behind it.
func parseObject(body []byte) (object, error) {
	var o object
	if err := json.Unmarshal(body, &o); err != nil {
		return nil, err
	}
	if o == nil {
		return nil, errors.New("it is null")
	}
	return o, nil
}

// kind is the kind of a JSON value.
type kind string

const (
	absent    kind = "absent"
	null      kind = "null"
	text      kind = "a string"
	number    kind = "a number"
	boolean   kind = "a boolean"
	structure kind = "an object"
	list      kind = "a list"
)

func (o object) kind(name string) kind {
	value, ok := o[name]
	if !ok || len(value) == 0 {
		return absent
	}
	switch value[0] {
	case 'n':
		return null
	case '"':
		return text
	case 't', 'f':
		return boolean
	case '{':
		return structure
	case '[':
		return list
	default:
		return number
	}
}

// has reports whether the member is there and not null: Java's and Node's parsers tell
// those two apart no further.
func (o object) has(name string) bool {
	k := o.kind(name)
	return k != absent && k != null
}

// text is the member where it is a string, else "".
func (o object) text(name string) string {
	var s string
	if json.Unmarshal(o[name], &s) != nil {
		return ""
	}
	return s
}

// unsigned is the member where it is a whole number of 32 bits.
func (o object) unsigned(name string) (n uint32, ok bool) {
	return n, o.kind(name) == number && json.Unmarshal(o[name], &n) == nil
}

// child is the member where it is an object; without members where it is none.
func (o object) child(name string) object {
	c, _ := parseObject(o[name])
	return c
}
