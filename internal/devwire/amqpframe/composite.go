package amqpframe

import (
	"errors"
	"fmt"
	"math"
)

// Fields are fields of a composite type by their names in the standard.
type Fields map[string]any

// failure stands where New could not make a value; Encode reports it.
type failure struct{ err error }

// New makes a value of one of AMQP's composite types: a performative, a SASL frame's
// body, a terminus, an error, an outcome, or a message's header or properties. Fields
// that are not named are null, those behind the last one are left out. A name that AMQP
// does not have is reported by Encode.
func New(name string, f Fields) *Described {
	l := layoutsByName[name]
	if l == nil || l.source != "list" || name == "amqp-sequence" {
		return &Described{Value: failure{fmt.Errorf("amqp composes no %q", name)}}
	}
	d := &Described{Descriptor: l.code, Value: List{}}
	for name, v := range f {
		d.Set(name, v)
	}
	return d
}

// Set sets a field, and returns d.
func (d *Described) Set(name string, v any) *Described {
	values, ok := d.Value.(List)
	l := d.layout()
	if !ok || l == nil {
		if _, failed := d.Value.(failure); !failed {
			d.Value = failure{errors.New("only a composite of AMQP's has fields to set")}
		}
		return d
	}
	i, err := l.index(name)
	if err != nil {
		d.Value = failure{err}
		return d
	}
	for len(values) <= i {
		values = append(values, nil)
	}
	values[i] = plain(v, l.fields[i].kind)
	d.Value = values
	return d
}

// Symbolic is the same value with its descriptor written as a symbol.
func (d *Described) Symbolic() *Described {
	if l := d.layout(); l != nil {
		return &Described{l.symbol(), d.Value}
	}
	return d
}

// Name is the standard's name for what d is; "" for a descriptor that it does not have,
// or for no value at all.
func (d *Described) Name() string {
	if d == nil {
		return ""
	}
	if l := d.layout(); l != nil {
		return l.name
	}
	return ""
}

// Field is the value of a field; nil when that is null, left out, or no field of d.
func (d *Described) Field(name string) any {
	if d == nil {
		return nil
	}
	values, _ := d.Value.(List)
	l := d.layout()
	if l == nil {
		return nil
	}
	if i, err := l.index(name); err == nil && i < len(values) {
		return values[i]
	}
	return nil
}

// Inner is a field that is itself described, such as an attach's source; nil when there is
// none. The methods of *Described may be called on that nil.
func (d *Described) Inner(name string) *Described {
	inner, _ := d.Field(name).(*Described)
	return inner
}

// Text is a field that is a string or a symbol; "" when it is neither.
func (d *Described) Text(name string) string {
	switch v := d.Field(name).(type) {
	case string:
		return v
	case Symbol:
		return string(v)
	}
	return ""
}

// Number is a field that is any unsigned integer.
func (d *Described) Number(name string) (n uint64, ok bool) {
	switch v := d.Field(name).(type) {
	case uint8:
		return uint64(v), true
	case uint16:
		return uint64(v), true
	case uint32:
		return uint64(v), true
	case uint64:
		return v, true
	}
	return 0, false
}

// Symbols is a field that may hold one symbol or an array of them.
func (d *Described) Symbols(name string) []string {
	switch v := d.Field(name).(type) {
	case Symbol:
		return []string{string(v)}
	case Array:
		var all []string
		for _, item := range v {
			if s, ok := item.(Symbol); ok {
				all = append(all, string(s))
			}
		}
		return all
	}
	return nil
}

// plain makes a plain Go int, string or []string what a field of that kind takes.
func plain(v any, kind string) any {
	switch v := v.(type) {
	case int:
		return integer(v, kind)
	case string:
		if kind == "symbol" {
			return Symbol(v)
		}
	case []string:
		all := Array{}
		for _, s := range v {
			all = append(all, Symbol(s))
		}
		return all
	}
	return v
}

func integer(v int, kind string) any {
	limit := map[string]uint64{
		"ubyte": math.MaxUint8, "ushort": math.MaxUint16, "uint": math.MaxUint32, "ulong": math.MaxInt64, "timestamp": math.MaxInt64,
	}[kind]
	if limit == 0 {
		return v // the field takes no number, and gets one
	}
	if v < 0 || uint64(v) > limit {
		return failure{fmt.Errorf("%d does not fit in a %s", v, kind)}
	}
	switch kind {
	case "ubyte":
		return uint8(v)
	case "ushort":
		return uint16(v)
	case "uint":
		return uint32(v)
	case "ulong":
		return uint64(v)
	default:
		return Timestamp(v)
	}
}
