package amqp_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

// unhex is bytes as the standard prints them, in hexadecimal; text between quotes stands
// for itself. [n ...] is a short list of n values whose size is counted here, {n ...} a map,
// <n ...> an array, and ( ... ) a frame.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, rest := unhexTo(t, s, 0)
	if rest != "" {
		t.Fatalf("%q is left", rest)
	}
	return b
}

func unhexTo(t testing.TB, s string, end byte) (b []byte, rest string) {
	t.Helper()
	for len(s) > 0 && s[0] != end {
		c := s[0]
		switch c {
		case ' ':
			s = s[1:]
		case '\'':
			text, after, _ := strings.Cut(s[1:], "'")
			b, s = append(b, text...), after
		case '[', '{', '<', '(':
			closing := map[byte]byte{'[': ']', '{': '}', '<': '>', '(': ')'}[c]
			inner, after := unhexTo(t, s[1:], closing)
			if !strings.HasPrefix(after, string(closing)) {
				t.Fatalf("no %c behind %q", closing, s)
			}
			switch code := map[byte]byte{'[': 0xc0, '{': 0xc1, '<': 0xe0}[c]; {
			case c == '(':
				b = binary.BigEndian.AppendUint32(b, uint32(4+len(inner)))
			case len(inner) > 255:
				t.Fatalf("%q is too long", s)
			default:
				b = append(b, code, byte(len(inner)))
			}
			b, s = append(b, inner...), after[1:]
		default:
			raw, err := hex.DecodeString(s[:2])
			if err != nil {
				t.Fatalf("%q: %v", s, err)
			}
			b, s = append(b, raw...), s[2:]
		}
	}
	return b, s
}

var (
	uuid    = amqp.UUID{0xf8, 0x1d, 0x4f, 0xae, 0x7d, 0xec, 0x11, 0xd0, 0xa7, 0x65, 0x00, 0xa0, 0xc9, 0x1e, 0x6b, 0xf6}
	longish = strings.Repeat("x", 256)
)

// shortest are values and the encoding that is written for them.
var shortest = []struct {
	name  string
	value amqp.Value
	wire  string
}{
	{"null", nil, "40"},
	{"true", true, "41"},
	{"false", false, "42"},
	{"ubyte", uint8(0x7f), "50 7f"},
	{"ushort", uint16(0x1234), "60 1234"},
	{"uint 0", uint32(0), "43"},
	{"uint, small", uint32(255), "52 ff"},
	{"uint", uint32(256), "70 00000100"},
	{"ulong 0", uint64(0), "44"},
	{"ulong, small", uint64(255), "53 ff"},
	{"ulong", uint64(1<<63 + 1), "80 8000000000000001"},
	{"byte", int8(-1), "51 ff"},
	{"short", int16(-2), "61 fffe"},
	{"int, small", int32(-128), "54 80"},
	{"int", int32(128), "71 00000080"},
	{"int, negative", int32(-129), "71 ffffff7f"},
	{"long, small", int64(127), "55 7f"},
	{"long", int64(-129), "81 ffffffffffffff7f"},
	{"float", float32(1.5), "72 3fc00000"},
	{"double", float64(-2), "82 c000000000000000"},
	{"decimal32", amqp.Decimal32{1, 2, 3, 4}, "74 01020304"},
	{"decimal64", amqp.Decimal64{1, 2, 3, 4, 5, 6, 7, 8}, "84 0102030405060708"},
	{"decimal128", amqp.Decimal128{15: 9}, "94 00000000000000000000000000000009"},
	{"char", amqp.Char('€'), "73 000020ac"},
	{"timestamp", amqp.Timestamp(1311704463521), "83 0000013167adb8a1"},
	{"timestamp before 1970", amqp.Timestamp(-1), "83 ffffffffffffffff"},
	{"uuid", uuid, "98 f81d4fae7dec11d0a76500a0c91e6bf6"},
	{"binary, empty", []byte{}, "a0 00"},
	{"binary", []byte{0, 1}, "a0 02 0001"},
	{"binary, long", []byte(longish), "b0 00000100 '" + longish + "'"},
	{"string, empty", "", "a1 00"},
	{"string", "Grüße", "a1 07 'Grüße'"},
	{"string, long", longish, "b1 00000100 '" + longish + "'"},
	{"symbol", amqp.Symbol("amqp:accepted:list"), "a3 12 'amqp:accepted:list'"},
	{"symbol, long", amqp.Symbol(longish), "b3 00000100 '" + longish + "'"},
	{"list, empty", amqp.List{}, "45"},
	{"list", amqp.List{true, uint32(0), "a"}, "c0 06 03 41 43 a1 01 'a'"},
	{"list in list", amqp.List{amqp.List{nil}}, "c0 05 01 c0 02 01 40"},
	{"list, long", amqp.List{longish}, "d0 00000109 00000001 b1 00000100 '" + longish + "'"},
	{"list of the longest short one", amqp.List{longish[:252]}, "c0 ff 01 a1 fc '" + longish[:252] + "'"},
	{"list that is one byte longer", amqp.List{longish[:253]}, "d0 00000103 00000001 a1 fd '" + longish[:253] + "'"},
	{"map, empty", amqp.Map{}, "c1 01 00"},
	{"map, in the order of the wire", amqp.Map{{"b", int32(1)}, {amqp.Symbol("a"), nil}}, "c1 0a 04 a1 01 'b' 54 01 a3 01 'a' 40"},
	{"map, long", amqp.Map{{"", longish}}, "d1 0000010b 00000002 a1 00 b1 00000100 '" + longish + "'"},
	{"array of symbols", amqp.Symbols("PLAIN", "TPM"), "e0 0c 02 a3 05 'PLAIN' 03 'TPM'"},
	{"array of one", amqp.Symbols("PLAIN"), "e0 08 01 a3 05 'PLAIN'"},
	{"array, empty", amqp.Array{Code: 0x70, Items: []amqp.Value{}}, "e0 02 00 70"},
	{"array with a long symbol", amqp.Symbols("a", amqp.Symbol(longish)),
		"f0 0000010e 00000002 b3 00000001 'a' 00000100 '" + longish + "'"},
	{"array of ints", amqp.Array{Code: 0x71, Items: []amqp.Value{int32(1), int32(-1)}}, "e0 0a 02 71 00000001 ffffffff"},
	{"array of booleans", amqp.Array{Code: 0x56, Items: []amqp.Value{true, false}}, "e0 04 02 56 01 00"},
	{"array of lists", amqp.Array{Code: 0xc0, Items: []amqp.Value{amqp.List{nil}, amqp.List{}}}, "e0 07 02 c0 02 01 40 01 00"},
	{"array of maps", amqp.Array{Code: 0xd1, Items: []amqp.Value{amqp.Map{}}}, "e0 0a 01 d1 00000004 00000000"},
	{"array of arrays", amqp.Array{Code: 0xe0, Items: []amqp.Value{amqp.Array{Code: 0x41, Items: []amqp.Value{true}}}}, "e0 05 01 e0 02 01 41"},
	{"array of described values", amqp.Array{Descriptor: uint64(0x24), Code: 0x45, Items: []amqp.Value{amqp.List{}, amqp.List{}}}, "e0 05 02 00 53 24 45"},

	// The examples of OASIS part 1, figures 1.2 and 1.24.
	{"a described string", amqp.Described{Descriptor: "URL", Value: "http://example.org/hello-world"},
		"00 a1 03 'URL' a1 1e 'http://example.org/hello-world'"},
	{"a book", amqp.Described{Descriptor: amqp.Symbol("example:book:list"), Value: amqp.List{
		"AMQP for & by Dummies", amqp.Array{Code: 0xa1, Items: []amqp.Value{"Rob J. Godfrey", "Rafael H. Schloming"}}, nil,
	}}, "00 a3 11 'example:book:list' c0 40 03 a1 15 'AMQP for & by Dummies' e0 25 02 a1 0e 'Rob J. Godfrey' 13 'Rafael H. Schloming' 40"},
}

func TestValues(t *testing.T) {
	for _, c := range shortest {
		t.Run(c.name, func(t *testing.T) {
			wire := unhex(t, c.wire)
			got, err := amqp.AppendValue([]byte("before"), c.value)
			if err != nil || !bytes.Equal(got, append([]byte("before"), wire...)) {
				t.Errorf("written as % x, %v", got, err)
			}
			value, rest, err := amqp.ReadValue(append(wire, "behind"...))
			if err != nil || string(rest) != "behind" || !reflect.DeepEqual(value, c.value) {
				t.Errorf("read as %#v, rest %q, %v", value, rest, err)
			}
		})
	}
}

// TestOtherEncodings is of those that others may choose.
func TestOtherEncodings(t *testing.T) {
	for _, c := range []struct {
		name  string
		wire  string
		value amqp.Value
	}{
		{"true in a byte", "56 01", true},
		{"false in a byte", "56 00", false},
		{"a small uint in full", "70 00000001", uint32(1)},
		{"a uint 0 in a byte", "52 00", uint32(0)},
		{"a small ulong in full", "80 0000000000000010", uint64(16)},
		{"a small int in full", "71 ffffffff", int32(-1)},
		{"a small long in full", "81 ffffffffffffffff", int64(-1)},
		{"a short binary with a long size", "b0 00000001 07", []byte{7}},
		{"a short string with a long size", "b1 00000001 'a'", "a"},
		{"a short symbol with a long size", "b3 00000001 'a'", amqp.Symbol("a")},
		{"an empty list with a size", "c0 01 00", amqp.List{}},
		{"a short list with a long size", "d0 00000005 00000001 40", amqp.List{nil}},
		{"a short map with a long size", "d1 00000006 00000002 40 41", amqp.Map{{nil, true}}},
		{"a short array with a long size", "f0 00000005 00000000 40", amqp.Array{Code: 0x40, Items: []amqp.Value{}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			value, rest, err := amqp.ReadValue(unhex(t, c.wire))
			if err != nil || len(rest) > 0 || !reflect.DeepEqual(value, c.value) {
				t.Errorf("read as %#v, rest % x, %v", value, rest, err)
			}
		})
	}
}

func TestMalformedValues(t *testing.T) {
	for _, c := range []struct{ rule, wire, want string }{
		{"nothing", "", "1 bytes are wanted where 0 are left"},
		{"no such format code", "3f", "0x3f is no format code"},
		{"a number that is cut short", "70 0000", "4 bytes are wanted where 2 are left"},
		{"a uuid that is cut short", "98 00", "16 bytes are wanted"},
		{"a string longer than what there is", "a1 05 'abc'", "5 bytes are wanted where 3 are left"},
		{"a string of four gigabytes", "b1 ffffffff 'abc'", "4294967295 bytes are wanted where 3 are left"},
		{"a string that is not UTF-8", "a1 01 ff", "not UTF-8"},
		{"a symbol that is not ASCII", "a3 02 'ä'", "not ASCII"},
		{"a boolean of 2", "56 02", "0x02 is no boolean"},
		{"a list longer than what there is", "c0 09 01 40", "9 bytes are wanted where 2 are left"},
		{"a list without a count", "c0 00", "1 bytes are wanted"},
		{"a list of more values than bytes", "d0 00000005 ffffffff 40", "4294967295 values in 1 bytes"},
		{"a list of fewer values than bytes", "c0 03 01 40 40", "1 bytes are left"},
		{"a list whose values go beyond it", "c0 03 01 a1 05 'abcde'", "5 bytes are wanted where 0 are left"},
		{"a map of three", "c1 04 03 40 40 40", "a map of 3 values"},
		{"an array of four thousand million nulls", "f0 00000005 ffffffff 40", "more than 65536 values"},
		{"an array of arrays of nulls", "f0 0000001f 00000003 f0" + strings.Repeat("00000005 0000ffff 40", 3), "more than 65536 values"},
		{"an array of described twice", "e0 07 01 00 53 24 00 53 24", "described twice"},
		{"an array without a type", "e0 01 00", "1 bytes are wanted"},
		{"a descriptor without a value", "00 53 24", "1 bytes are wanted"},
		{"lists in lists", strings.Repeat("d0 000000ff 00000001", 40), "bytes are wanted"},
		{"described values in described values", strings.Repeat("00", 40), "deeper than 32"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			value, _, err := amqp.ReadValue(unhex(t, c.wire))
			var malformed *amqp.Error
			if !errors.As(err, &malformed) || malformed.Condition != amqp.DecodeError || !strings.Contains(err.Error(), c.want) {
				t.Errorf("read as %#v, %v", value, err)
			}
		})
	}
}

func TestDepth(t *testing.T) {
	nested := func(depth int) []byte {
		v := amqp.List{}
		for range depth - 1 {
			v = amqp.List{v}
		}
		b, err := amqp.AppendValue(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if _, _, err := amqp.ReadValue(nested(32)); err != nil {
		t.Errorf("at the bound: %v", err)
	}
	if _, _, err := amqp.ReadValue(nested(34)); err == nil || !strings.Contains(err.Error(), "deeper than 32") {
		t.Errorf("beyond the bound: %v", err)
	}
}

// TestClaimsCostNothing: nothing is allocated for a count that the bytes cannot back.
func TestClaimsCostNothing(t *testing.T) {
	claims := unhex(t, "f0 00000005 ffffffff 40")
	if n := testing.AllocsPerRun(10, func() { amqp.ReadValue(claims) }); n > 20 {
		t.Errorf("%v allocations", n)
	}
}

func TestWhatIsNoValueIsNotWritten(t *testing.T) {
	for _, c := range []struct {
		rule  string
		value amqp.Value
	}{
		{"an int", 1},
		{"a time", time.Time{}},
		{"in a list", amqp.List{"a", 1}},
		{"in a map", amqp.Map{{"a", 1}}},
		{"as a descriptor", amqp.Described{Descriptor: 1}},
		{"an item that is not of the array's type", amqp.Array{Code: 0x70, Items: []amqp.Value{"a"}}},
		{"an item that does not fit the array's format code", amqp.Array{Code: 0x52, Items: []amqp.Value{uint32(256)}}},
		{"a false among trues", amqp.Array{Code: 0x41, Items: []amqp.Value{true, false}}},
		{"a long string in an array of short ones", amqp.Array{Code: 0xa1, Items: []amqp.Value{longish}}},
		{"a long list in an array of short ones", amqp.Array{Code: 0xc0, Items: []amqp.Value{amqp.List{longish}}}},
		{"an item that is no value in a list in an array", amqp.Array{Code: 0xd0, Items: []amqp.Value{amqp.List{1}}}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if b, err := amqp.AppendValue(nil, c.value); err == nil {
				t.Errorf("written as % x", b)
			}
		})
	}
}

func TestMap(t *testing.T) {
	m := amqp.Map{{"a", int32(1)}, {amqp.Symbol("b"), "text"}, {uint64(3), nil}, {"c", amqp.Symbol("symbol")}, {"a", int32(2)}}
	if v, ok := m.Get("a"); !ok || v != int32(1) {
		t.Errorf("a is %v", v)
	}
	if _, ok := m.Get("d"); ok {
		t.Error("d is there")
	}
	if a, b, c, d := m.Text("a"), m.Text("b"), m.Text("c"), m.Text("d"); a != "" || b != "text" || c != "symbol" || d != "" {
		t.Errorf("texts are %q %q %q %q", a, b, c, d)
	}
}

func TestTimestamp(t *testing.T) {
	moment := time.Date(2011, 7, 26, 18, 21, 3, 521e6, time.UTC)
	if got := amqp.TimestampOf(moment); got != 1311704463521 || !got.Time().Equal(moment) {
		t.Errorf("%d, %v", got, got.Time())
	}
}

func TestUUIDText(t *testing.T) {
	if got := uuid.String(); got != "f81d4fae-7dec-11d0-a765-00a0c91e6bf6" {
		t.Error(got)
	}
}
