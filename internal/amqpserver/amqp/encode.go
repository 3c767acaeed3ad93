package amqp

import (
	"encoding/binary"
	"fmt"
	"math"
)

// AppendValue appends the shortest encoding of v.
func AppendValue(b []byte, v Value) ([]byte, error) {
	e := encoder{b: b}
	e.value(v)
	return e.b, e.err
}

// encoder appends to b. The first error stays, and what was appended is then worthless.
type encoder struct {
	b   []byte
	err error
}

func (e *encoder) fail(format string, args ...any) {
	if e.err == nil {
		e.err = fmt.Errorf(format, args...)
	}
}

func (e *encoder) value(v Value) {
	switch v := v.(type) {
	case Described:
		e.b = append(e.b, codeDescribed)
		e.value(v.Descriptor)
		e.value(v.Value)
	case List:
		e.list(v)
	case Map:
		e.mapping(v)
	case Array:
		e.array(v)
	default:
		code, ok := shortest(v)
		if !ok {
			e.fail("a %T is no AMQP value", v)
			return
		}
		e.b = append(e.b, code)
		e.data(code, v)
	}
}

// shortest is the format code that makes a value of a primitive type shortest.
func shortest(v Value) (code byte, ok bool) {
	switch v := v.(type) {
	case nil:
		return codeNull, true
	case bool:
		return pick(v, codeTrue, codeFalse), true
	case uint8:
		return codeUbyte, true
	case uint16:
		return codeUshort, true
	case uint32:
		return pick(v == 0, codeUint0, pick(v <= math.MaxUint8, codeSmallUint, codeUint)), true
	case uint64:
		return pick(v == 0, codeUlong0, pick(v <= math.MaxUint8, codeSmallUlng, codeUlong)), true
	case int8:
		return codeByte, true
	case int16:
		return codeShort, true
	case int32:
		return pick(v == int32(int8(v)), codeSmallInt, codeInt), true
	case int64:
		return pick(v == int64(int8(v)), codeSmallLong, codeLong), true
	case float32:
		return codeFloat, true
	case float64:
		return codeDouble, true
	case Decimal32:
		return codeDecimal32, true
	case Decimal64:
		return codeDecimal64, true
	case Decimal128:
		return codeDecimal128, true
	case Char:
		return codeChar, true
	case Timestamp:
		return codeTimestamp, true
	case UUID:
		return codeUUID, true
	case []byte:
		return pick(len(v) <= math.MaxUint8, codeBinary8, codeBinary32), true
	case string:
		return pick(len(v) <= math.MaxUint8, codeString8, codeString32), true
	case Symbol:
		return pick(len(v) <= math.MaxUint8, codeSymbol8, codeSymbol32), true
	}
	return 0, false
}

func pick(first bool, a, b byte) byte {
	if first {
		return a
	}
	return b
}

// data appends what follows a format code, or fails when that code cannot hold v.
func (e *encoder) data(code byte, v Value) {
	if !e.fixed(code, v) && !e.variable(code, v) {
		e.fail("format code %#02x cannot hold the %T", code, v)
	}
}

// fixed appends the data of a type whose size its format code tells.
func (e *encoder) fixed(code byte, v Value) bool {
	order := binary.BigEndian
	switch v := v.(type) {
	case nil:
		return code == codeNull
	case bool:
		switch code {
		case codeTrue, codeFalse:
			return v == (code == codeTrue)
		case codeBoolean:
			e.b = append(e.b, pick(v, 1, 0))
			return true
		}
	case uint8:
		return e.when(code == codeUbyte, v)
	case uint16:
		if code == codeUshort {
			e.b = order.AppendUint16(e.b, v)
			return true
		}
	case uint32:
		return e.unsigned(uint64(v), code, codeUint0, codeSmallUint, codeUint)
	case uint64:
		return e.unsigned(v, code, codeUlong0, codeSmallUlng, codeUlong)
	case int8:
		return e.when(code == codeByte, byte(v))
	case int16:
		if code == codeShort {
			e.b = order.AppendUint16(e.b, uint16(v))
			return true
		}
	case int32:
		return e.signed(int64(v), code, codeSmallInt, codeInt)
	case int64:
		return e.signed(v, code, codeSmallLong, codeLong)
	case float32:
		return e.whole4(code == codeFloat, math.Float32bits(v))
	case float64:
		return e.whole8(code == codeDouble, math.Float64bits(v))
	case Char:
		return e.whole4(code == codeChar, uint32(v))
	case Timestamp:
		return e.whole8(code == codeTimestamp, uint64(v))
	case Decimal32:
		return e.when(code == codeDecimal32, v[:]...)
	case Decimal64:
		return e.when(code == codeDecimal64, v[:]...)
	case Decimal128:
		return e.when(code == codeDecimal128, v[:]...)
	case UUID:
		return e.when(code == codeUUID, v[:]...)
	}
	return false
}

func (e *encoder) when(fits bool, data ...byte) bool {
	if fits {
		e.b = append(e.b, data...)
	}
	return fits
}

func (e *encoder) whole4(fits bool, v uint32) bool {
	if fits {
		e.b = binary.BigEndian.AppendUint32(e.b, v)
	}
	return fits
}

func (e *encoder) whole8(fits bool, v uint64) bool {
	if fits {
		e.b = binary.BigEndian.AppendUint64(e.b, v)
	}
	return fits
}

// unsigned appends v as one of three format codes: nothing for zero, a byte, or all of it.
func (e *encoder) unsigned(v uint64, code, zero, small, whole byte) bool {
	switch code {
	case zero:
		return v == 0
	case small:
		return e.when(v <= math.MaxUint8, byte(v))
	case codeUint:
		return e.whole4(code == whole, uint32(v))
	}
	return e.whole8(code == whole, v)
}

func (e *encoder) signed(v int64, code, small, whole byte) bool {
	switch code {
	case small:
		return e.when(v == int64(int8(v)), byte(v))
	case codeInt:
		return e.whole4(code == whole, uint32(v))
	}
	return e.whole8(code == whole, uint64(v))
}
