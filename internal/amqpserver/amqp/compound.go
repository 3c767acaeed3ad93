package amqp

import (
	"encoding/binary"
	"math"
)

// A list, map or array is written under its narrow format code, whose size and count take a
// byte each, and moved when that turns out not to be enough. begin and end are around its
// content.
func (e *encoder) begin(narrow byte) (start int) {
	start = len(e.b)
	e.b = append(e.b, narrow, 0, 0)
	return start
}

func (e *encoder) end(start, count int) {
	size := len(e.b) - start - 3
	if size+1 <= math.MaxUint8 && count <= math.MaxUint8 {
		e.b[start+1], e.b[start+2] = byte(size+1), byte(count)
		return
	}
	e.b = append(e.b, 0, 0, 0, 0, 0, 0)
	copy(e.b[start+9:], e.b[start+3:start+3+size])
	e.b[start] += codeList32 - codeList8 // as far as from map8 to map32, and array8 to array32
	binary.BigEndian.PutUint32(e.b[start+1:], uint32(size+4))
	binary.BigEndian.PutUint32(e.b[start+5:], uint32(count))
}

func (e *encoder) list(l List) {
	if len(l) == 0 {
		e.b = append(e.b, codeList0)
		return
	}
	start := e.begin(codeList8)
	e.values(l)
	e.end(start, len(l))
}

func (e *encoder) mapping(m Map) {
	start := e.begin(codeMap8)
	e.pairs(m)
	e.end(start, 2*len(m))
}

func (e *encoder) array(a Array) {
	start := e.begin(codeArray8)
	e.items(a)
	e.end(start, len(a.Items))
}

func (e *encoder) values(l List) {
	for _, v := range l {
		e.value(v)
	}
}

func (e *encoder) pairs(m Map) {
	for _, p := range m {
		e.value(p[0])
		e.value(p[1])
	}
}

func (e *encoder) items(a Array) {
	if a.Descriptor != nil {
		e.b = append(e.b, codeDescribed)
		e.value(a.Descriptor)
	}
	e.b = append(e.b, a.Code)
	for _, v := range a.Items {
		e.data(a.Code, v)
	}
}

// variable appends the data of a type whose size precedes it.
func (e *encoder) variable(code byte, v Value) bool {
	var inner encoder // of a compound type in an array, whose format code is not to be chosen
	switch v := v.(type) {
	case []byte:
		return (code == codeBinary8 || code == codeBinary32) && octets(e, code, v)
	case string:
		return (code == codeString8 || code == codeString32) && octets(e, code, v)
	case Symbol:
		return (code == codeSymbol8 || code == codeSymbol32) && octets(e, code, v)
	case List:
		if code == codeList0 {
			return len(v) == 0
		}
		inner.values(v)
		return (code == codeList8 || code == codeList32) && e.sized(code, len(v), inner)
	case Map:
		inner.pairs(v)
		return (code == codeMap8 || code == codeMap32) && e.sized(code, 2*len(v), inner)
	case Array:
		inner.items(v)
		return (code == codeArray8 || code == codeArray32) && e.sized(code, len(v.Items), inner)
	}
	return false
}

func octets[T ~string | ~[]byte](e *encoder, code byte, v T) bool {
	e.length(code, len(v))
	e.b = append(e.b, v...)
	return true
}

func (e *encoder) sized(code byte, count int, content encoder) bool {
	if content.err != nil {
		e.fail("%w", content.err)
	}
	width := 1
	if wide(code) {
		width = 4
	}
	e.length(code, width+len(content.b))
	e.length(code, count)
	e.b = append(e.b, content.b...)
	return true
}

// length appends a size, or a count, in the width of the format code.
func (e *encoder) length(code byte, n int) {
	switch {
	case wide(code):
		e.b = binary.BigEndian.AppendUint32(e.b, uint32(n))
	case n > math.MaxUint8:
		e.fail("format code %#02x cannot hold %d", code, n)
	default:
		e.b = append(e.b, byte(n))
	}
}
