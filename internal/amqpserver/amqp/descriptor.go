package amqp

import "fmt"

// symbolic are the descriptors of the standard's composite types and sections as symbols;
// a peer may use either form.
var symbolic = map[uint64]Symbol{
	0x10: "amqp:open:list",
	0x11: "amqp:begin:list",
	0x12: "amqp:attach:list",
	0x13: "amqp:flow:list",
	0x14: "amqp:transfer:list",
	0x15: "amqp:disposition:list",
	0x16: "amqp:detach:list",
	0x17: "amqp:end:list",
	0x18: "amqp:close:list",
	0x1d: "amqp:error:list",
	0x23: "amqp:received:list",
	0x24: "amqp:accepted:list",
	0x25: "amqp:rejected:list",
	0x26: "amqp:released:list",
	0x27: "amqp:modified:list",
	0x28: "amqp:source:list",
	0x29: "amqp:target:list",
	0x30: "amqp:coordinator:list",
	0x40: "amqp:sasl-mechanisms:list",
	0x41: "amqp:sasl-init:list",
	0x42: "amqp:sasl-challenge:list",
	0x43: "amqp:sasl-response:list",
	0x44: "amqp:sasl-outcome:list",
	0x70: "amqp:header:list",
	0x71: "amqp:delivery-annotations:map",
	0x72: "amqp:message-annotations:map",
	0x73: "amqp:properties:list",
	0x74: "amqp:application-properties:map",
	0x75: "amqp:data:binary",
	0x76: "amqp:amqp-sequence:list",
	0x77: "amqp:amqp-value:*",
	0x78: "amqp:footer:map",
}

var codes = func() map[Symbol]uint64 {
	m := make(map[Symbol]uint64, len(symbolic))
	for code, symbol := range symbolic {
		m[symbol] = code
	}
	return m
}()

// name is a descriptor code for people.
func name(code uint64) string {
	if symbol, known := symbolic[code]; known {
		return string(symbol)
	}
	return fmt.Sprintf("descriptor %#x", code)
}

// descriptor reads a descriptor that must be one of the standard's.
func (d *decoder) descriptor() uint64 {
	if code := d.byte(); code != codeDescribed {
		d.fail("format code %#02x where a described type is wanted", code)
		return 0
	}
	switch code := d.byte(); code {
	case codeUlong0, codeSmallUlng, codeUlong:
		return d.ulongData(code)
	case codeSymbol8, codeSymbol32:
		symbol := Symbol(d.symbolData(code))
		known, ok := codes[symbol]
		if !ok {
			d.fail("unknown descriptor %.40q", symbol)
		}
		return known
	default:
		d.fail("format code %#02x where a descriptor is wanted", code)
		return 0
	}
}
