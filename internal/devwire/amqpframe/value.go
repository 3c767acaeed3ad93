package amqpframe

import (
	"encoding/hex"
	"fmt"
)

// Symbol is a symbolic value: ASCII from a constrained domain.
type Symbol string

// Char is one Unicode character.
type Char rune

// Timestamp is in milliseconds since 1970.
type Timestamp int64

// UUID is a universally unique id.
type UUID [16]byte

// Decimal is an IEEE 754 decimal of 4, 8 or 16 bytes, not interpreted.
type Decimal []byte

// List is a list of values of any type.
type List []any

// Map is a map in the order of its encoding, which may hold a key twice.
type Map []Pair

// Pair is an entry of a map.
type Pair struct{ Key, Value any }

// Array is a list of values of one type. An empty one is written as an array of symbols.
type Array []any

// Described is a value with a descriptor, which is a uint64 or a Symbol for all that the
// standard defines.
type Described struct{ Descriptor, Value any }

// Wide is written in the widest encoding that AMQP has for its value, and so is what is
// in it. Decode never returns one.
type Wide struct{ Value any }

// Raw is written as it is, in the place of a value. Decode never returns one.
type Raw []byte

func (u UUID) String() string {
	b := hex.EncodeToString(u[:])
	return b[:8] + "-" + b[8:12] + "-" + b[12:16] + "-" + b[16:20] + "-" + b[20:]
}

// ParseUUID reads the usual form in hexadecimal with hyphens.
func ParseUUID(s string) (UUID, error) {
	var u UUID
	if len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' {
		b, err := hex.DecodeString(s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:])
		if err == nil {
			copy(u[:], b)
			return u, nil
		}
	}
	return u, fmt.Errorf("%q is no uuid", s)
}

// Get is the value under a key, compared as Go compares: Symbol("a") is not "a".
func (m Map) Get(key any) (value any, ok bool) {
	for _, p := range m {
		if isComparable(p.Key) && p.Key == key {
			return p.Value, true
		}
	}
	return nil, false
}

// isComparable reports whether a decoded value may be compared with ==.
func isComparable(v any) bool {
	switch v.(type) {
	case []byte, Decimal, List, Map, Array:
		return false
	}
	return true
}
