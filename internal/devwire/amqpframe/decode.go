package amqpframe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
)

// What is decoded is bounded: values within values, and how many there are beside one for
// each byte, for the items of an array may take none.
const (
	maxDepth = 32
	maxExtra = 1 << 16
)

// Decode reads one value and returns the bytes behind it. The value shares nothing with
// b. The error says what is wrong and quotes no bytes.
func Decode(b []byte) (v any, rest []byte, err error) {
	left := len(b) + maxExtra
	d := decoder{b, &left}
	v, err = d.value(0)
	return v, d.b, err
}

type decoder struct {
	b    []byte
	left *int // values that may still come
}

var errShort = errors.New("a value reaches past the end of its frame or list")

func (d *decoder) take(n uint64) ([]byte, error) {
	if n > uint64(len(d.b)) {
		return nil, errShort
	}
	head := d.b[:n]
	d.b = d.b[n:]
	return head, nil
}

func (d *decoder) value(depth int) (any, error) {
	code, err := d.take(1)
	if err != nil {
		return nil, err
	}
	if code[0] != 0 || depth > maxDepth {
		return d.valueOf(code[0], depth)
	}
	descriptor, err := d.value(depth + 1)
	if err != nil {
		return nil, err
	}
	v, err := d.value(depth + 1)
	if err != nil {
		return nil, err
	}
	return &Described{descriptor, v}, nil
}

// valueOf reads what follows a constructor. The high half of a constructor tells the
// width of what follows (1.2).
func (d *decoder) valueOf(code byte, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("values within values more than %d deep", maxDepth)
	}
	if *d.left--; *d.left < 0 {
		return nil, errors.New("more values than are read of one frame")
	}
	switch code >> 4 {
	case 0x4:
		return empty(code)
	case 0x5, 0x6, 0x7, 0x8, 0x9:
		b, err := d.take(map[byte]uint64{5: 1, 6: 2, 7: 4, 8: 8, 9: 16}[code>>4])
		if err != nil {
			return nil, err
		}
		return fixed(code, b)
	case 0xa, 0xb:
		b, err := d.sized(code >= 0xb0)
		if err != nil {
			return nil, err
		}
		return variable(code, b)
	case 0xc, 0xd:
		return d.compound(code, depth)
	case 0xe, 0xf:
		return d.array(code, depth)
	}
	return nil, unknown(code)
}

func unknown(code byte) error { return fmt.Errorf("amqp has no constructor %#02x", code) }

func (d *decoder) number(wide bool) (uint64, error) {
	if !wide {
		b, err := d.take(1)
		if err != nil {
			return 0, err
		}
		return uint64(b[0]), nil
	}
	b, err := d.take(4)
	if err != nil {
		return 0, err
	}
	return uint64(binary.BigEndian.Uint32(b)), nil
}

// sized reads a size and the bytes that it announces.
func (d *decoder) sized(wide bool) ([]byte, error) {
	n, err := d.number(wide)
	if err != nil {
		return nil, err
	}
	return d.take(n)
}

func empty(code byte) (any, error) {
	switch code {
	case codeNull:
		return nil, nil
	case codeTrue:
		return true, nil
	case codeFalse:
		return false, nil
	case codeUint0:
		return uint32(0), nil
	case codeUlong0:
		return uint64(0), nil
	case codeList0:
		return List{}, nil
	}
	return nil, unknown(code)
}

func fixed(code byte, b []byte) (any, error) {
	be := binary.BigEndian
	switch code {
	case codeUbyte:
		return b[0], nil
	case codeByte:
		return int8(b[0]), nil
	case codeUintSmall:
		return uint32(b[0]), nil
	case codeUlongSmall:
		return uint64(b[0]), nil
	case codeIntSmall:
		return int32(int8(b[0])), nil
	case codeLongSmall:
		return int64(int8(b[0])), nil
	case codeBoolean:
		if b[0] > 1 {
			return nil, fmt.Errorf("a boolean of %#02x", b[0])
		}
		return b[0] == 1, nil
	case codeUshort:
		return be.Uint16(b), nil
	case codeShort:
		return int16(be.Uint16(b)), nil
	case codeUint:
		return be.Uint32(b), nil
	case codeInt:
		return int32(be.Uint32(b)), nil
	case codeFloat:
		return math.Float32frombits(be.Uint32(b)), nil
	case codeChar:
		r := rune(be.Uint32(b))
		if !utf8.ValidRune(r) {
			return nil, errors.New("a char that is no character")
		}
		return Char(r), nil
	case codeUlong:
		return be.Uint64(b), nil
	case codeLong:
		return int64(be.Uint64(b)), nil
	case codeDouble:
		return math.Float64frombits(be.Uint64(b)), nil
	case codeTimestamp:
		return Timestamp(be.Uint64(b)), nil
	case codeUUID:
		return UUID(b), nil
	case codeDecimal32, codeDecimal64, codeDecimal128:
		return Decimal(append([]byte(nil), b...)), nil
	}
	return nil, unknown(code)
}

func variable(code byte, b []byte) (any, error) {
	switch code {
	case codeBinary8, codeBinary32:
		return append([]byte{}, b...), nil
	case codeString8, codeString32:
		if !utf8.Valid(b) {
			return nil, errors.New("a string that is not UTF-8")
		}
		return string(b), nil
	case codeSymbol8, codeSymbol32:
		for _, c := range b {
			if c >= utf8.RuneSelf {
				return nil, errors.New("a symbol that is not ASCII")
			}
		}
		return Symbol(b), nil
	}
	return nil, unknown(code)
}

func (d *decoder) compound(code byte, depth int) (any, error) {
	wide := code >= codeList32
	b, err := d.sized(wide)
	if err != nil {
		return nil, err
	}
	inner := decoder{b, d.left}
	count, err := inner.number(wide)
	if err != nil {
		return nil, err
	}
	if count > uint64(len(inner.b)) { // every item has a constructor
		return nil, errShort
	}
	items := make(List, count)
	for i := range items {
		if items[i], err = inner.value(depth + 1); err != nil {
			return nil, err
		}
	}
	if len(inner.b) > 0 {
		return nil, fmt.Errorf("%d bytes behind the last item of a list or map", len(inner.b))
	}
	switch code {
	case codeList8, codeList32:
		return items, nil
	case codeMap8, codeMap32:
		return mapOf(items)
	}
	return nil, unknown(code)
}

func mapOf(items List) (any, error) {
	if len(items)%2 != 0 {
		return nil, errors.New("a map with a key that has no value")
	}
	m := make(Map, len(items)/2)
	for i := range m {
		m[i] = Pair{items[2*i], items[2*i+1]}
	}
	return m, nil
}

func (d *decoder) array(code byte, depth int) (any, error) {
	if code != codeArray8 && code != codeArray32 {
		return nil, unknown(code)
	}
	b, err := d.sized(code == codeArray32)
	if err != nil {
		return nil, err
	}
	inner := decoder{b, d.left}
	count, err := inner.number(code == codeArray32)
	if err != nil {
		return nil, err
	}
	descriptor, constructor, err := inner.constructor(depth)
	if err != nil {
		return nil, err
	}
	items := Array{}
	for range count {
		item, err := inner.valueOf(constructor, depth+1)
		if err != nil {
			return nil, err
		}
		if descriptor != nil {
			item = &Described{*descriptor, item}
		}
		items = append(items, item)
	}
	if len(inner.b) > 0 {
		return nil, fmt.Errorf("%d bytes behind the last item of an array", len(inner.b))
	}
	return items, nil
}

// constructor reads an array's constructor, which may be described.
func (d *decoder) constructor(depth int) (descriptor *any, code byte, err error) {
	b, err := d.take(1)
	if err != nil {
		return nil, 0, err
	}
	if b[0] != 0 {
		return nil, b[0], nil
	}
	v, err := d.value(depth + 1)
	if err != nil {
		return nil, 0, err
	}
	if b, err = d.take(1); err != nil {
		return nil, 0, err
	}
	if b[0] == 0 {
		return nil, 0, errors.New("an array whose constructor is described twice")
	}
	return &v, b[0], nil
}
