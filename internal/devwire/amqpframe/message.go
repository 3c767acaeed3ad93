package amqpframe

import (
	"errors"
	"fmt"
)

// Message is a message as its sections, in their order on the wire (3.2).
type Message []*Described

// Section makes a section that is not a composite: message-annotations and its like of a
// Map, data of bytes, amqp-value of any value.
func Section(name string, v any) *Described {
	l := layoutsByName[name]
	if l == nil {
		return &Described{Value: failure{fmt.Errorf("an amqp message has no section %q", name)}}
	}
	return &Described{l.code, v}
}

// Application is the application-properties section of names and values in turn:
// Application("iotdps-operation-type", "iotdps-register").
func Application(pairs ...any) *Described { return Section("application-properties", pairsOf(pairs)) }

// Annotations is the message-annotations section of names, which become symbols, and
// values in turn.
func Annotations(pairs ...any) *Described {
	m := pairsOf(pairs)
	for i, p := range m {
		m[i].Key = plain(p.Key, "symbol")
	}
	return Section("message-annotations", m)
}

// Properties is the map of symbols that open, begin, attach and flow carry, of names and
// values in turn.
func Properties(pairs ...any) Map {
	m := pairsOf(pairs)
	for i, p := range m {
		m[i].Key = plain(p.Key, "symbol")
	}
	return m
}

// pairsOf makes a map; a name without a value gets null.
func pairsOf(pairs []any) Map {
	m := Map{}
	for i, v := range pairs {
		if i%2 == 0 {
			m = append(m, Pair{Key: v})
		} else {
			m[i/2].Value = v
		}
	}
	return m
}

// Data is a data section.
func Data[B []byte | string](b B) *Described { return Section("data", []byte(b)) }

// Value is an amqp-value section.
func Value(v any) *Described { return Section("amqp-value", v) }

// Encode writes the sections one behind another.
func (m Message) Encode() ([]byte, error) {
	var b []byte
	var err error
	for _, s := range m {
		if b, err = appendValue(b, s, false); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// ParseMessage reads the whole payload of a delivery.
func ParseMessage(b []byte) (Message, error) {
	var m Message
	for len(b) > 0 {
		v, rest, err := Decode(b)
		if err != nil {
			return m, err
		}
		s, ok := v.(*Described)
		if !ok {
			return m, errors.New("a section of a message that is not described")
		}
		m, b = append(m, s), rest
	}
	return m, nil
}

// Section is the first section of that name; nil when there is none, on which the methods
// of *Described may be called.
func (m Message) Section(name string) *Described {
	for _, s := range m {
		if s.Name() == name {
			return s
		}
	}
	return nil
}

// Property is a field of the properties section; nil when it is null or left out.
func (m Message) Property(name string) any { return m.Section("properties").Field(name) }

// Application is an application property.
func (m Message) Application(name string) (v any, ok bool) {
	return m.entry("application-properties", name)
}

// Annotation is a message annotation.
func (m Message) Annotation(name string) (v any, ok bool) {
	return m.entry("message-annotations", Symbol(name))
}

func (m Message) entry(section string, key any) (v any, ok bool) {
	s := m.Section(section)
	if s == nil {
		return nil, false
	}
	entries, _ := s.Value.(Map)
	return entries.Get(key)
}

// Data is what the data sections hold, each by itself.
func (m Message) Data() [][]byte {
	var all [][]byte
	for _, s := range m {
		if b, ok := s.Value.([]byte); ok && s.Name() == "data" {
			all = append(all, b)
		}
	}
	return all
}
