package amqpframe

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Encode writes a value in its shortest encoding (1.6). A plain int is an int where it
// fits and a long otherwise. The error is of a Go type that AMQP has no type for, or of
// what New could not make.
func Encode(v any) ([]byte, error) { return appendValue(nil, v, false) }

func appendValue(b []byte, v any, wide bool) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, codeNull), nil
	case failure:
		return b, v.err
	case Raw:
		return append(b, v...), nil
	case Wide:
		return appendValue(b, v.Value, true)
	case *Described:
		return v.append(b, wide)
	case int:
		if v < math.MinInt32 || v > math.MaxInt32 {
			return appendValue(b, int64(v), wide)
		}
		return appendValue(b, int32(v), wide)
	case List:
		return appendList(b, v, wide)
	case Map:
		flat := make([]any, 0, 2*len(v))
		for _, p := range v {
			flat = append(flat, p.Key, p.Value)
		}
		return appendItems(b, codeMap8, flat, wide)
	case Array:
		return appendArray(b, v, wide)
	case bool:
		switch {
		case wide && v:
			return append(b, codeBoolean, 1), nil
		case wide:
			return append(b, codeBoolean, 0), nil
		case v:
			return append(b, codeTrue), nil
		}
		return append(b, codeFalse), nil
	case []byte:
		return appendBytes(b, codeBinary8, string(v), wide), nil
	case string:
		return appendBytes(b, codeString8, v, wide), nil
	case Symbol:
		return appendBytes(b, codeSymbol8, string(v), wide), nil
	}
	if b, ok := appendInteger(b, v, wide); ok {
		return b, nil
	}
	code, ok := fixedCode(v)
	if !ok {
		return b, fmt.Errorf("amqp has no type for a %T", v)
	}
	return appendFixed(append(b, code), v), nil
}

func (d *Described) append(b []byte, wide bool) ([]byte, error) {
	b, err := appendValue(append(b, 0), d.Descriptor, wide)
	if err != nil {
		return b, err
	}
	return appendValue(b, d.Value, wide)
}

// appendInteger writes the integers that have encodings of one byte or none.
func appendInteger(b []byte, v any, wide bool) ([]byte, bool) {
	if wide {
		return b, false
	}
	switch v := v.(type) {
	case uint32:
		return appendSmall(b, codeUint0, codeUintSmall, uint64(v))
	case uint64:
		return appendSmall(b, codeUlong0, codeUlongSmall, v)
	case int32:
		if v == int32(int8(v)) {
			return append(b, codeIntSmall, byte(v)), true
		}
	case int64:
		if v == int64(int8(v)) {
			return append(b, codeLongSmall, byte(v)), true
		}
	}
	return b, false
}

func appendSmall(b []byte, zero, small byte, v uint64) ([]byte, bool) {
	switch {
	case v == 0:
		return append(b, zero), true
	case v <= math.MaxUint8:
		return append(b, small, byte(v)), true
	}
	return b, false
}

// appendBytes writes the variable-width types, whose wide code is the narrow one + 0x10.
func appendBytes(b []byte, narrow byte, s string, wide bool) []byte {
	if !wide && len(s) <= math.MaxUint8 {
		return append(append(b, narrow, byte(len(s))), s...)
	}
	b = binary.BigEndian.AppendUint32(append(b, narrow+0x10), uint32(len(s)))
	return append(b, s...)
}

func appendList(b []byte, l List, wide bool) ([]byte, error) {
	if len(l) == 0 && !wide {
		return append(b, codeList0), nil
	}
	return appendItems(b, codeList8, l, wide)
}

// appendItems writes the compound types, whose wide code is the narrow one + 0x10.
func appendItems(b []byte, narrow byte, items []any, wide bool) ([]byte, error) {
	var content []byte
	var err error
	for _, item := range items {
		if content, err = appendValue(content, item, wide); err != nil {
			return b, err
		}
	}
	return appendCompound(b, narrow, len(items), content, wide), nil
}

func appendCompound(b []byte, narrow byte, count int, content []byte, wide bool) []byte {
	if !wide && count <= math.MaxUint8 && len(content) < math.MaxUint8 {
		b = append(b, narrow, byte(len(content)+1), byte(count))
	} else {
		b = binary.BigEndian.AppendUint32(append(b, narrow+0x10), uint32(len(content)+4))
		b = binary.BigEndian.AppendUint32(b, uint32(count))
	}
	return append(b, content...)
}

// appendArray writes the items behind one constructor, in their widest encoding.
func appendArray(b []byte, a Array, wide bool) ([]byte, error) {
	content := []byte{codeSymbol8 + 0x10}
	for i, item := range a {
		encoded, err := appendValue(nil, item, true)
		if err != nil {
			return b, err
		}
		if len(encoded) == 0 || encoded[0] == 0 {
			return b, fmt.Errorf("an array of %T is not written here; use Raw", item)
		}
		if i == 0 {
			content[0] = encoded[0]
		}
		if encoded[0] != content[0] {
			return b, fmt.Errorf("an array holds values of one type, not also %T", item)
		}
		content = append(content, encoded[1:]...)
	}
	return appendCompound(b, codeArray8, len(a), content, wide), nil
}

// fixedCode is the constructor of a value's full encoding of fixed width.
func fixedCode(v any) (code byte, ok bool) {
	switch v := v.(type) {
	case uint8:
		return codeUbyte, true
	case uint16:
		return codeUshort, true
	case uint32:
		return codeUint, true
	case uint64:
		return codeUlong, true
	case int8:
		return codeByte, true
	case int16:
		return codeShort, true
	case int32:
		return codeInt, true
	case int64:
		return codeLong, true
	case float32:
		return codeFloat, true
	case float64:
		return codeDouble, true
	case Char:
		return codeChar, true
	case Timestamp:
		return codeTimestamp, true
	case UUID:
		return codeUUID, true
	case Decimal:
		code, ok := map[int]byte{4: codeDecimal32, 8: codeDecimal64, 16: codeDecimal128}[len(v)]
		return code, ok
	}
	return 0, false
}

func appendFixed(b []byte, v any) []byte {
	switch v := v.(type) {
	case UUID:
		return append(b, v[:]...)
	case Decimal:
		return append(b, v...)
	}
	b, err := binary.Append(b, binary.BigEndian, v)
	if err != nil {
		panic(err) // fixedCode lets nothing else through
	}
	return b
}

// Constructors (1.6).
const (
	codeNull       = 0x40
	codeTrue       = 0x41
	codeFalse      = 0x42
	codeUint0      = 0x43
	codeUlong0     = 0x44
	codeList0      = 0x45
	codeUbyte      = 0x50
	codeByte       = 0x51
	codeUintSmall  = 0x52
	codeUlongSmall = 0x53
	codeIntSmall   = 0x54
	codeLongSmall  = 0x55
	codeBoolean    = 0x56
	codeUshort     = 0x60
	codeShort      = 0x61
	codeUint       = 0x70
	codeInt        = 0x71
	codeFloat      = 0x72
	codeChar       = 0x73
	codeDecimal32  = 0x74
	codeUlong      = 0x80
	codeLong       = 0x81
	codeDouble     = 0x82
	codeTimestamp  = 0x83
	codeDecimal64  = 0x84
	codeDecimal128 = 0x94
	codeUUID       = 0x98
	codeBinary8    = 0xa0
	codeString8    = 0xa1
	codeSymbol8    = 0xa3
	codeBinary32   = 0xb0
	codeString32   = 0xb1
	codeSymbol32   = 0xb3
	codeList8      = 0xc0
	codeMap8       = 0xc1
	codeList32     = 0xd0
	codeMap32      = 0xd1
	codeArray8     = 0xe0
	codeArray32    = 0xf0
)
