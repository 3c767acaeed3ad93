package amqp

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// Bounds of what one call decodes, whatever its bytes claim.
const (
	// maxDepth bounds lists in maps in described types and so on.
	maxDepth = 32
	// maxValues bounds the values in all. A list of a megabyte of nulls would be sixteen
	// megabytes of Values.
	maxValues = 1 << 16
)

// ReadValue decodes the value that b begins with and returns what follows it. Binary values
// share the memory of b.
func ReadValue(b []byte) (v Value, rest []byte, err error) {
	d := newDecoder(b)
	v = d.value()
	return v, d.b, d.failed()
}

// decoder reads from the front of b. The first error stays; what is read after it is zero.
type decoder struct {
	b      []byte
	err    *Error
	depth  int
	values *int // how many more may be read, shared with the decoders of parts
}

func newDecoder(b []byte) *decoder {
	values := maxValues
	return &decoder{b: b, values: &values}
}

// failed is the error, as an interface that is nil without one.
func (d *decoder) failed() error {
	if d.err == nil {
		return nil
	}
	return d.err
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = malformed(format, args...)
	}
}

// take reads n bytes.
func (d *decoder) take(n uint32) []byte {
	if d.err != nil {
		return nil
	}
	if uint64(n) > uint64(len(d.b)) {
		d.fail("%d bytes are wanted where %d are left", n, len(d.b))
		return nil
	}
	taken := d.b[:n:n]
	d.b = d.b[n:]
	return taken
}

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uint16() uint16 {
	if b := d.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (d *decoder) uint32() uint32 {
	if b := d.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) uint64() uint64 {
	if b := d.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// length reads a size, or a count, in the width of the format code.
func (d *decoder) length(code byte) uint32 {
	if wide(code) {
		return d.uint32()
	}
	return uint32(d.byte())
}

// allow reports whether n more values may be read.
func (d *decoder) allow(n uint32) bool {
	if d.err == nil && uint64(n) > uint64(*d.values) {
		d.fail("more than %d values", maxValues)
	}
	if d.err != nil {
		return false
	}
	*d.values -= int(n)
	return true
}

func (d *decoder) value() Value {
	code := d.byte()
	if code != codeDescribed || d.err != nil {
		return d.data(code)
	}
	if !d.descend() {
		return nil
	}
	defer d.ascend()
	return Described{Descriptor: d.value(), Value: d.value()}
}

func (d *decoder) descend() bool {
	if d.depth++; d.depth > maxDepth {
		d.fail("deeper than %d", maxDepth)
	}
	return d.allow(1)
}

func (d *decoder) ascend() { d.depth-- }

// data reads what follows a format code.
func (d *decoder) data(code byte) Value {
	if d.err != nil {
		return nil
	}
	switch code {
	case codeNull:
		return nil
	case codeTrue, codeFalse, codeBoolean:
		return d.boolData(code)
	case codeUbyte:
		return d.byte()
	case codeUshort:
		return d.uint16()
	case codeUint0, codeSmallUint, codeUint:
		return d.uintData(code)
	case codeUlong0, codeSmallUlng, codeUlong:
		return d.ulongData(code)
	case codeByte:
		return int8(d.byte())
	case codeShort:
		return int16(d.uint16())
	case codeSmallInt:
		return int32(int8(d.byte()))
	case codeInt:
		return int32(d.uint32())
	case codeSmallLong:
		return int64(int8(d.byte()))
	case codeLong:
		return int64(d.uint64())
	case codeFloat:
		return math.Float32frombits(d.uint32())
	case codeDouble:
		return math.Float64frombits(d.uint64())
	case codeChar:
		return Char(d.uint32())
	case codeTimestamp:
		return Timestamp(d.uint64())
	case codeDecimal32:
		var v Decimal32
		copy(v[:], d.take(4))
		return v
	case codeDecimal64:
		var v Decimal64
		copy(v[:], d.take(8))
		return v
	case codeDecimal128:
		var v Decimal128
		copy(v[:], d.take(16))
		return v
	case codeUUID:
		return d.uuidData()
	case codeBinary8, codeBinary32:
		return d.take(d.length(code))
	case codeString8, codeString32:
		return d.stringData(code)
	case codeSymbol8, codeSymbol32:
		return Symbol(d.symbolData(code))
	case codeList0, codeList8, codeList32:
		return d.listData(code)
	case codeMap8, codeMap32:
		return d.mapData(code)
	case codeArray8, codeArray32:
		return d.arrayData(code)
	}
	d.fail("%#02x is no format code", code)
	return nil
}

func (d *decoder) uuidData() (v UUID) {
	copy(v[:], d.take(16))
	return v
}

func (d *decoder) boolData(code byte) bool {
	if code != codeBoolean {
		return code == codeTrue
	}
	b := d.byte()
	if b > 1 {
		d.fail("%#02x is no boolean", b)
	}
	return b == 1
}

func (d *decoder) uintData(code byte) uint32 {
	switch code {
	case codeUint0:
		return 0
	case codeSmallUint:
		return uint32(d.byte())
	}
	return d.uint32()
}

func (d *decoder) ulongData(code byte) uint64 {
	switch code {
	case codeUlong0:
		return 0
	case codeSmallUlng:
		return uint64(d.byte())
	}
	return d.uint64()
}

func (d *decoder) stringData(code byte) string {
	b := d.take(d.length(code))
	if !utf8.Valid(b) {
		d.fail("a string is not UTF-8")
		return ""
	}
	return string(b)
}

func (d *decoder) symbolData(code byte) string {
	b := d.take(d.length(code))
	for _, c := range b {
		if c >= utf8.RuneSelf {
			d.fail("a symbol is not ASCII")
			return ""
		}
	}
	return string(b)
}
