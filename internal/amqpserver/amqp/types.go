package amqp

import (
	"fmt"
	"time"
)

// Value is a value of any AMQP type, held as one of these Go types:
//
//	null                     nil
//	boolean                  bool
//	ubyte ushort uint ulong  uint8 uint16 uint32 uint64
//	byte short int long      int8 int16 int32 int64
//	float double             float32 float64
//	decimal32 64 128         Decimal32 Decimal64 Decimal128
//	char timestamp uuid      Char Timestamp UUID
//	binary string symbol     []byte string Symbol
//	list map array           List Map Array
//	a described type         Described
//
// A Go type that is not in this list, such as int, is an error when it is written.
type Value = any

type (
	// Symbol is a name from a constrained domain, in ASCII.
	Symbol string
	// Char is one Unicode character.
	Char rune
	// Timestamp is a moment in milliseconds since the Unix epoch.
	Timestamp int64
	// UUID is an RFC 4122 identifier, in the order of its text.
	UUID [16]byte
	// Decimal32 is a decimal number that nothing here computes with; likewise Decimal64
	// and Decimal128.
	Decimal32  [4]byte
	Decimal64  [8]byte
	Decimal128 [16]byte
)

// List is a sequence of values of any types.
type List []Value

// Map is a sequence of pairs, in the order of the wire.
type Map []Pair

// Pair is one entry of a Map: its key and its value.
type Pair [2]Value

// Array is a sequence of values of one type. Code is the format code that all of them are
// written with; Descriptor, when not nil, describes every one of them.
type Array struct {
	Descriptor Value
	Code       byte
	Items      []Value
}

// Described is a value with a descriptor, which says what it stands for.
type Described struct{ Descriptor, Value Value }

// Opt is a field that may be absent.
type Opt[T any] struct {
	V   T
	Set bool
}

// Some is a field that is present.
func Some[T any](v T) Opt[T] { return Opt[T]{V: v, Set: true} }

// Get returns the value of the first pair whose key is name, as a string or as a symbol.
func (m Map) Get(name string) (Value, bool) {
	for _, p := range m {
		switch key := p[0].(type) {
		case string:
			if key == name {
				return p[1], true
			}
		case Symbol:
			if string(key) == name {
				return p[1], true
			}
		}
	}
	return nil, false
}

// Text is the value under name when that is a string or a symbol, and "" otherwise.
func (m Map) Text(name string) string {
	v, _ := m.Get(name)
	switch text := v.(type) {
	case string:
		return text
	case Symbol:
		return string(text)
	}
	return ""
}

// TimestampOf is t to the millisecond.
func TimestampOf(t time.Time) Timestamp { return Timestamp(t.UnixMilli()) }

// Time is the moment in UTC.
func (t Timestamp) Time() time.Time { return time.UnixMilli(int64(t)).UTC() }

func (u UUID) String() string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// Symbols is an array of symbols.
func Symbols(list ...Symbol) Array {
	a := Array{Code: codeSymbol8, Items: make([]Value, 0, len(list))}
	for _, s := range list {
		if len(s) > 255 {
			a.Code = codeSymbol32
		}
		a.Items = append(a.Items, s)
	}
	return a
}
