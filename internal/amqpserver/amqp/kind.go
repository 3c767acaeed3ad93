package amqp

// The types of fields. A string is taken where a symbol is wanted and the other way round,
// since clients confuse them; everything else must have the standard's type.
var (
	flags      = kind[bool]{(*decoder).flag, func(e *encoder, v bool) { e.value(v) }}
	ubytes     = kind[uint8]{(*decoder).ubyte, func(e *encoder, v uint8) { e.value(v) }}
	ushorts    = kind[uint16]{(*decoder).ushort, func(e *encoder, v uint16) { e.value(v) }}
	uints      = kind[uint32]{(*decoder).uint, (*encoder).uint}
	ulongs     = kind[uint64]{(*decoder).ulong, func(e *encoder, v uint64) { e.value(v) }}
	timestamps = kind[Timestamp]{(*decoder).timestamp, func(e *encoder, v Timestamp) { e.value(v) }}
	binaries   = kind[[]byte]{(*decoder).binary, (*encoder).binary}
	texts      = kind[string]{(*decoder).text, (*encoder).text}
	symbols    = kind[Symbol]{func(d *decoder) Symbol { return Symbol(d.text()) }, (*encoder).symbol}
	manySymbol = kind[[]Symbol]{(*decoder).symbols, func(e *encoder, v []Symbol) { e.array(Symbols(v...)) }}
	maps       = kind[Map]{(*decoder).mapping, (*encoder).mapping}
)

func (d *decoder) flag() bool {
	switch code := d.byte(); code {
	case codeTrue, codeFalse, codeBoolean:
		return d.boolData(code)
	default:
		return d.unexpected(code, "boolean") != 0
	}
}

// unexpected fails and is zero.
func (d *decoder) unexpected(code byte, wanted string) byte {
	d.fail("format code %#02x where a %s is wanted", code, wanted)
	return 0
}

func (d *decoder) ubyte() uint8 {
	if code := d.byte(); code != codeUbyte {
		return d.unexpected(code, "ubyte")
	}
	return d.byte()
}

func (d *decoder) ushort() uint16 {
	if code := d.byte(); code != codeUshort {
		return uint16(d.unexpected(code, "ushort"))
	}
	return d.uint16()
}

func (d *decoder) uint() uint32 {
	switch code := d.byte(); code {
	case codeUint0, codeSmallUint, codeUint:
		return d.uintData(code)
	default:
		return uint32(d.unexpected(code, "uint"))
	}
}

func (d *decoder) ulong() uint64 {
	switch code := d.byte(); code {
	case codeUlong0, codeSmallUlng, codeUlong:
		return d.ulongData(code)
	default:
		return uint64(d.unexpected(code, "ulong"))
	}
}

func (d *decoder) timestamp() Timestamp {
	if code := d.byte(); code != codeTimestamp {
		return Timestamp(d.unexpected(code, "timestamp"))
	}
	return Timestamp(d.uint64())
}

func (d *decoder) binary() []byte {
	code := d.byte()
	if code != codeBinary8 && code != codeBinary32 {
		d.unexpected(code, "binary")
		return nil
	}
	return d.take(d.length(code))
}

func (d *decoder) text() string {
	switch code := d.byte(); code {
	case codeString8, codeString32:
		return d.stringData(code)
	case codeSymbol8, codeSymbol32:
		return d.symbolData(code)
	default:
		d.unexpected(code, "string or symbol")
		return ""
	}
}

// symbols reads a field that may hold several: an array, or one alone.
func (d *decoder) symbols() []Symbol {
	if len(d.b) > 0 && d.b[0] != codeArray8 && d.b[0] != codeArray32 {
		return []Symbol{Symbol(d.text())}
	}
	items := d.arrayData(d.byte()).Items
	list := make([]Symbol, 0, len(items))
	for _, item := range items {
		symbol, ok := item.(Symbol)
		if !ok {
			d.fail("a %T in an array of symbols", item)
			return nil
		}
		list = append(list, symbol)
	}
	return list
}

func (d *decoder) mapping() Map {
	code := d.byte()
	if code != codeMap8 && code != codeMap32 {
		d.unexpected(code, "map")
		return nil
	}
	return d.mapData(code)
}

func (e *encoder) uint(v uint32) {
	code, _ := shortest(v)
	e.b = append(e.b, code)
	e.unsigned(uint64(v), code, codeUint0, codeSmallUint, codeUint)
}

func (e *encoder) binary(v []byte) {
	code := pick(len(v) <= 255, codeBinary8, codeBinary32)
	e.b = append(e.b, code)
	octets(e, code, v)
}

func (e *encoder) text(v string) {
	code := pick(len(v) <= 255, codeString8, codeString32)
	e.b = append(e.b, code)
	octets(e, code, v)
}

func (e *encoder) symbol(v Symbol) {
	code := pick(len(v) <= 255, codeSymbol8, codeSymbol32)
	e.b = append(e.b, code)
	octets(e, code, v)
}
