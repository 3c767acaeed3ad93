package transcript

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// What an amqpReader reads: nil, bool and string; uint64 and int64 for integers of every
// width; and these.
type (
	amqpSymbol    string
	amqpBinary    []byte
	amqpList      []any
	amqpMap       []any // keys and values in turn
	amqpArray     []any
	amqpNumber    struct{ kind, text string } // of the kinds that are only shown
	amqpDescribed struct{ descriptor, value any }

	// amqpInteger is an integer that keeps the name of its type, which clients depend on.
	amqpInteger struct {
		kind string
		n    any // int64 or uint64
	}
)

// amqpReader reads values from the front of b (1.6). The first thing that is wrong ends it
// and is in why, in words that quote no bytes.
type amqpReader struct {
	b    []byte
	left *int // values that are still read
	why  string
}

const amqpDepth = 32

func newAMQPReader(b []byte) *amqpReader {
	left := len(b) + 1<<12 // the items of an array may take no bytes
	return &amqpReader{b: b, left: &left}
}

func (r *amqpReader) fail(why string) any {
	if r.why == "" {
		r.why = why
	}
	r.b = nil
	return nil
}

func (r *amqpReader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.fail("a value that reaches past its end")
		return nil
	}
	head := r.b[:n]
	r.b = r.b[n:]
	return head
}

// number reads an unsigned number of that many bytes, up to eight.
func (r *amqpReader) number(width int) (n uint64) {
	for _, c := range r.take(uint64(width)) {
		n = n<<8 | uint64(c)
	}
	return n
}

func (r *amqpReader) value(depth int) any {
	code := byte(r.number(1))
	switch {
	case r.why != "":
		return nil
	case code != 0:
		return r.of(code, depth)
	case depth > amqpDepth:
		return r.fail("values too deep within values")
	}
	descriptor := r.value(depth + 1)
	return amqpDescribed{plainInteger(descriptor), r.value(depth + 1)}
}

// of reads what a constructor announces.
func (r *amqpReader) of(code byte, depth int) any {
	if *r.left--; *r.left < 0 || depth > amqpDepth {
		return r.fail("too many values, or too deep within values")
	}
	switch code >> 4 {
	case 0x4:
		switch code {
		case 0x40:
			return nil
		case 0x41, 0x42:
			return code == 0x41
		case 0x43:
			return amqpInteger{"uint", uint64(0)}
		case 0x44:
			return amqpInteger{"ulong", uint64(0)}
		case 0x45:
			return amqpList{}
		}
	case 0x5, 0x6, 0x7, 0x8, 0x9:
		return r.fixed(code, r.take(1<<(code>>4-5)))
	case 0xa, 0xb:
		return r.variable(code, r.take(r.number(amqpWidth(code))))
	case 0xc, 0xd, 0xe, 0xf:
		return r.compound(code, depth)
	}
	return r.fail(fmt.Sprintf("the unknown constructor %#02x", code))
}

// amqpWidth is how many bytes a size or count has.
func amqpWidth(code byte) int {
	if code>>4&1 == 0 { // 0xa0, 0xc0 and 0xe0 have narrow ones
		return 1
	}
	return 4
}

// amqpKinds are the types of fixed width, by constructor. Those in the second table are
// signed.
var (
	amqpUnsigned = map[byte]string{0x50: "ubyte", 0x52: "uint", 0x53: "ulong", 0x60: "ushort", 0x70: "uint", 0x80: "ulong"}
	amqpSigned   = map[byte]string{0x51: "byte", 0x54: "int", 0x55: "long", 0x61: "short", 0x71: "int", 0x81: "long"}
)

func (r *amqpReader) fixed(code byte, b []byte) any {
	if r.why != "" {
		return nil
	}
	var n uint64
	for _, c := range b[:min(len(b), 8)] {
		n = n<<8 | uint64(c)
	}
	if kind, ok := amqpUnsigned[code]; ok {
		return amqpInteger{kind, n}
	}
	shift := 64 - 8*min(len(b), 8)
	signed := int64(n<<shift) >> shift
	if kind, ok := amqpSigned[code]; ok {
		return amqpInteger{kind, signed}
	}
	switch code {
	case 0x56:
		if n > 1 {
			return r.fail("a boolean that is neither")
		}
		return n == 1
	case 0x72:
		return amqpNumber{"float", fmt.Sprint(math.Float32frombits(uint32(n)))}
	case 0x82:
		return amqpNumber{"double", fmt.Sprint(math.Float64frombits(n))}
	case 0x73:
		return amqpNumber{"char", strconv.QuoteRune(rune(uint32(n)))}
	case 0x83:
		return amqpNumber{"timestamp", strconv.FormatInt(signed, 10)}
	case 0x98:
		return amqpNumber{"uuid", fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])}
	case 0x74, 0x84, 0x94:
		return amqpNumber{"decimal", hex.EncodeToString(b)}
	}
	return r.fail(fmt.Sprintf("the unknown constructor %#02x", code))
}

func (r *amqpReader) variable(code byte, b []byte) any {
	switch {
	case r.why != "":
		return nil
	case code == 0xa0 || code == 0xb0:
		return amqpBinary(b)
	case (code == 0xa1 || code == 0xb1) && utf8.Valid(b):
		return string(b)
	case code == 0xa3 || code == 0xb3:
		return amqpSymbol(b)
	}
	return r.fail(fmt.Sprintf("no text, or the unknown constructor %#02x", code))
}

func (r *amqpReader) compound(code byte, depth int) any {
	content := r.take(r.number(amqpWidth(code)))
	inner := &amqpReader{b: content, left: r.left, why: r.why}
	count := inner.number(amqpWidth(code))
	items := []any{}
	array := code >= 0xe0
	constructor := byte(0)
	if array {
		if constructor = byte(inner.number(1)); constructor == 0 && inner.why == "" {
			return r.fail("an array of described values")
		}
	}
	for range count {
		if inner.why != "" {
			break
		}
		if array {
			items = append(items, inner.of(constructor, depth+1))
		} else {
			items = append(items, inner.value(depth+1))
		}
	}
	switch {
	case inner.why != "":
		return r.fail(inner.why)
	case len(inner.b) > 0:
		return r.fail("bytes behind the last item of a list")
	case array && code&0x0f == 0:
		return amqpArray(items)
	case code&0x0f == 0:
		return amqpList(items)
	case code == 0xc1 || code == 0xd1:
		if count%2 != 0 {
			return r.fail("a map with a key that has no value")
		}
		return amqpMap(items)
	}
	return r.fail(fmt.Sprintf("the unknown constructor %#02x", code))
}
