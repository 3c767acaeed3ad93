package amqpframe_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
)

// values are AMQP values with their encodings, written by hand from section 1.6.
var values = []struct {
	v        any
	hex      string // the shortest
	wide     string // the widest; "" where there is only one
	oneSided bool   // does not come back as it went
}{
	{v: nil, hex: "40"},
	{v: true, hex: "41", wide: "5601"},
	{v: false, hex: "42", wide: "5600"},
	{v: uint8(200), hex: "50c8"},
	{v: uint16(0x0102), hex: "600102"},
	{v: uint32(0), hex: "43", wide: "7000000000"},
	{v: uint32(255), hex: "52ff", wide: "70000000ff"},
	{v: uint32(256), hex: "7000000100"},
	{v: uint64(0), hex: "44", wide: "800000000000000000"},
	{v: uint64(255), hex: "53ff", wide: "8000000000000000ff"},
	{v: uint64(math.MaxUint64), hex: "80ffffffffffffffff"},
	{v: int8(-1), hex: "51ff"},
	{v: int16(-2), hex: "61fffe"},
	{v: int32(-128), hex: "5480", wide: "71ffffff80"},
	{v: int32(128), hex: "7100000080"},
	{v: int64(127), hex: "557f", wide: "81000000000000007f"},
	{v: int64(-129), hex: "81ffffffffffffff7f"},
	{v: 3, hex: "5403", oneSided: true},
	{v: 1 << 40, hex: "810000010000000000", oneSided: true},
	{v: float32(1.5), hex: "723fc00000"},
	{v: float64(-2), hex: "82c000000000000000"},
	{v: amqpframe.Char('é'), hex: "73000000e9"},
	{v: amqpframe.Timestamp(1000), hex: "8300000000000003e8"},
	{v: amqpframe.UUID{0: 1, 15: 2}, hex: "9801000000000000000000000000000002"},
	{v: amqpframe.Decimal{1, 2, 3, 4}, hex: "7401020304"},
	{v: amqpframe.Decimal(make([]byte, 16)), hex: "94" + strings.Repeat("00", 16)},
	{v: []byte{}, hex: "a000", wide: "b000000000"},
	{v: []byte{1, 2}, hex: "a0020102", wide: "b0000000020102"},
	{v: "hé", hex: "a10368c3a9", wide: "b10000000368c3a9"},
	{v: strings.Repeat("a", 256), hex: "b100000100" + strings.Repeat("61", 256)},
	{v: amqpframe.Symbol("ab"), hex: "a3026162", wide: "b3000000026162"},
	{v: amqpframe.List{}, hex: "45", wide: "d00000000400000000"},
	{v: amqpframe.List{nil, "a"}, hex: "c0050240a10161", wide: "d00000000b0000000240b10000000161"},
	{v: amqpframe.Map{}, hex: "c10100", wide: "d10000000400000000"},
	{v: amqpframe.Map{{"a", true}, {"a", nil}}, hex: "c10904a1016141a1016140"},
	{v: amqpframe.Array{amqpframe.Symbol("A"), amqpframe.Symbol("BC")}, hex: "e00d02b30000000141000000024243", wide: "f00000001000000002b30000000141000000024243"},
	{v: amqpframe.Array{uint32(1), uint32(0)}, hex: "e00a02700000000100000000"},
	{v: amqpframe.Array{}, hex: "e00200b3"},
	{v: &amqpframe.Described{Descriptor: uint64(0x24), Value: amqpframe.List{}}, hex: "00532445", wide: "00800000000000000024d00000000400000000"},
	{v: &amqpframe.Described{Descriptor: amqpframe.Symbol("a:b"), Value: uint32(0)}, hex: "00a303613a6243"},
	{v: amqpframe.List{amqpframe.Raw{0x56, 1}}, hex: "c003015601", oneSided: true},
}

func TestValuesAreEncodedAsTheStandardSays(t *testing.T) {
	for _, c := range values {
		got, err := amqpframe.Encode(c.v)
		if err != nil || hex.EncodeToString(got) != c.hex {
			t.Errorf("%T %v: %x, %v, want %s", c.v, c.v, got, err, c.hex)
		}
		if c.wide == "" {
			c.wide = c.hex
			if _, isMap := c.v.(amqpframe.Map); isMap {
				continue
			}
		}
		switch c.v.(type) {
		case amqpframe.Array, *amqpframe.Described:
			if c.wide == c.hex {
				continue // what is in it has a wider form
			}
		}
		if c.oneSided {
			continue
		}
		if got, err = amqpframe.Encode(amqpframe.Wide{Value: c.v}); err != nil || hex.EncodeToString(got) != c.wide {
			t.Errorf("wide %T %v: %x, %v, want %s", c.v, c.v, got, err, c.wide)
		}
	}
}

func TestValuesComeBack(t *testing.T) {
	for _, c := range values {
		if c.oneSided {
			continue
		}
		for _, v := range []any{c.v, amqpframe.Wide{Value: c.v}} {
			b, err := amqpframe.Encode(v)
			if err != nil {
				t.Fatal(err)
			}
			got, rest, err := amqpframe.Decode(append(b, 0x7e))
			if err != nil || !reflect.DeepEqual(got, c.v) || !bytes.Equal(rest, []byte{0x7e}) {
				t.Errorf("%x came back as %T %v, rest %x, %v", b, got, got, rest, err)
			}
		}
	}
}

func TestWhatAMQPHasNoTypeForIsNotEncoded(t *testing.T) {
	for name, v := range map[string]any{
		"a struct":              struct{}{},
		"a uint":                uint(1),
		"a decimal of 3 bytes":  amqpframe.Decimal{1, 2, 3},
		"an array of two types": amqpframe.Array{uint32(1), "a"},
		"an array of described": amqpframe.Array{&amqpframe.Described{Descriptor: uint64(1)}},
		"within a list":         amqpframe.List{struct{}{}},
		"within a map":          amqpframe.Map{{struct{}{}, 1}},
		"an unknown composite":  amqpframe.New("opne", nil),
		"a section by New":      amqpframe.New("data", nil),
		"an unknown field":      amqpframe.New("open", amqpframe.Fields{"host": "h"}),
		"an unknown section":    amqpframe.Section("date", nil),
		"a number too great":    amqpframe.New("open", amqpframe.Fields{"channel-max": 65536}),
		"a negative number":     amqpframe.New("open", amqpframe.Fields{"max-frame-size": -1}),
		"a field of a map":      amqpframe.Application().Set("a", 1),
	} {
		if b, err := amqpframe.Encode(v); err == nil {
			t.Errorf("%s became %x", name, b)
		}
	}
}

func TestWhatIsNoValueIsNotDecoded(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":                      "",
		"an unknown constructor":       "46",
		"a reserved width":             "30",
		"a short ulong":                "8001",
		"a string past the end":        "a10561",
		"a string that is not UTF-8":   "a101ff",
		"a symbol that is not ASCII":   "a302c3a9",
		"a boolean of 2":               "5602",
		"a char that is a surrogate":   "730000d800",
		"a list past the end":          "c0050140",
		"a list with more items":       "c0020340",
		"a list with fewer items":      "c003014040",
		"a list without a count":       "c000",
		"a list of 4 billion":          "d000000005ffffffff40",
		"a map with an odd count":      "c1020140",
		"a described value cut off":    "005324",
		"a descriptor cut off":         "00",
		"an array past the end":        "e00401700000",
		"an array without constructor": "e00101",
		"an array of 4 billion nulls":  "f000000005ffffffff40",
		"an array described twice":     "e00501000053240053",
		"lists 40 deep":                strings.Repeat("00", 40),
		"descriptors without end":      strings.Repeat("0000", 5000),
	} {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if v, _, err := amqpframe.Decode(b); err == nil {
			t.Errorf("%s: %v", name, v)
		}
	}
}

// Arrays of arrays of nothing are cheap to send: one of a megabyte would fill a hundred
// gigabytes.
func TestArraysOfNothingAreBounded(t *testing.T) {
	item := "00000005" + "0000fff0" + "40"
	b, err := hex.DecodeString("f0" + fmt.Sprintf("%08x%08x", 5+9*1000, 1000) + "f0" + strings.Repeat(item, 1000))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := amqpframe.Decode(b); err == nil || !strings.Contains(err.Error(), "more values") {
		t.Errorf("got %v", err)
	}
	v, _, err := amqpframe.Decode([]byte{0xe0, 3, 200, 0x40, 0x40}[:4])
	if err == nil {
		t.Errorf("an array without its last byte: %v", v)
	}
	if v, _, err = amqpframe.Decode([]byte{0xe0, 2, 200, 0x43}); err != nil || len(v.(amqpframe.Array)) != 200 {
		t.Errorf("200 zeros: %v, %v", v, err)
	}
}
