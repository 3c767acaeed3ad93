package amqpframe

import (
	"fmt"
	"strings"
)

// layout is one of AMQP's composite types, or a section of a message.
type layout struct {
	name   string
	code   uint64
	source string // what it describes: list, map, binary, or * for any value
	fields []field
}

type field struct{ name, kind string }

// The types that AMQP composes, with their fields in order (2.7, 2.8.14, 3.2, 3.4, 3.5,
// 5.3.3). The kind says what a plain Go value becomes.
var layouts = []*layout{
	list("open", 0x10, `container-id:string hostname:string max-frame-size:uint channel-max:ushort idle-time-out:uint
		outgoing-locales:symbol incoming-locales:symbol offered-capabilities:symbol desired-capabilities:symbol properties:map`),
	list("begin", 0x11, `remote-channel:ushort next-outgoing-id:uint incoming-window:uint outgoing-window:uint handle-max:uint
		offered-capabilities:symbol desired-capabilities:symbol properties:map`),
	list("attach", 0x12, `name:string handle:uint role:boolean snd-settle-mode:ubyte rcv-settle-mode:ubyte source:* target:*
		unsettled:map incomplete-unsettled:boolean initial-delivery-count:uint max-message-size:ulong
		offered-capabilities:symbol desired-capabilities:symbol properties:map`),
	list("flow", 0x13, `next-incoming-id:uint incoming-window:uint next-outgoing-id:uint outgoing-window:uint handle:uint
		delivery-count:uint link-credit:uint available:uint drain:boolean echo:boolean properties:map`),
	list("transfer", 0x14, `handle:uint delivery-id:uint delivery-tag:binary message-format:uint settled:boolean more:boolean
		rcv-settle-mode:ubyte state:* resume:boolean aborted:boolean batchable:boolean`),
	list("disposition", 0x15, "role:boolean first:uint last:uint settled:boolean state:* batchable:boolean"),
	list("detach", 0x16, "handle:uint closed:boolean error:*"),
	list("end", 0x17, "error:*"),
	list("close", 0x18, "error:*"),
	list("error", 0x1d, "condition:symbol description:string info:map"),

	list("received", 0x23, "section-number:uint section-offset:ulong"),
	list("accepted", 0x24, ""),
	list("rejected", 0x25, "error:*"),
	list("released", 0x26, ""),
	list("modified", 0x27, "delivery-failed:boolean undeliverable-here:boolean message-annotations:map"),
	list("source", 0x28, `address:string durable:uint expiry-policy:symbol timeout:uint dynamic:boolean dynamic-node-properties:map
		distribution-mode:symbol filter:map default-outcome:* outcomes:symbol capabilities:symbol`),
	list("target", 0x29, `address:string durable:uint expiry-policy:symbol timeout:uint dynamic:boolean
		dynamic-node-properties:map capabilities:symbol`),

	list("sasl-mechanisms", 0x40, "sasl-server-mechanisms:symbol"),
	list("sasl-init", 0x41, "mechanism:symbol initial-response:binary hostname:string"),
	list("sasl-challenge", 0x42, "challenge:binary"),
	list("sasl-response", 0x43, "response:binary"),
	list("sasl-outcome", 0x44, "code:ubyte additional-data:binary"),

	list("header", 0x70, "durable:boolean priority:ubyte ttl:uint first-acquirer:boolean delivery-count:uint"),
	section("delivery-annotations", 0x71, "map"),
	section("message-annotations", 0x72, "map"),
	list("properties", 0x73, `message-id:string user-id:binary to:string subject:string reply-to:string correlation-id:string
		content-type:symbol content-encoding:symbol absolute-expiry-time:timestamp creation-time:timestamp group-id:string
		group-sequence:uint reply-to-group-id:string`),
	section("application-properties", 0x74, "map"),
	section("data", 0x75, "binary"),
	section("amqp-sequence", 0x76, "list"),
	section("amqp-value", 0x77, "*"),
	section("footer", 0x78, "map"),
}

func list(name string, code uint64, fields string) *layout {
	l := section(name, code, "list")
	for _, f := range strings.Fields(fields) {
		name, kind, _ := strings.Cut(f, ":")
		l.fields = append(l.fields, field{name, kind})
	}
	return l
}

func section(name string, code uint64, source string) *layout {
	return &layout{name: name, code: code, source: source}
}

var (
	layoutsByName   = map[string]*layout{}
	layoutsByCode   = map[uint64]*layout{}
	layoutsBySymbol = map[Symbol]*layout{}
)

func init() {
	for _, l := range layouts {
		layoutsByName[l.name], layoutsByCode[l.code], layoutsBySymbol[l.symbol()] = l, l, l
	}
}

func (l *layout) symbol() Symbol { return Symbol("amqp:" + l.name + ":" + l.source) }

func (l *layout) index(name string) (int, error) {
	for i, f := range l.fields {
		if f.name == name {
			return i, nil
		}
	}
	return 0, fmt.Errorf("amqp's %s has no field %q", l.name, name)
}

// layout is what the descriptor stands for; nil when that is nothing of AMQP's.
func (d *Described) layout() *layout {
	switch descriptor := d.Descriptor.(type) {
	case uint64:
		return layoutsByCode[descriptor]
	case Symbol:
		return layoutsBySymbol[descriptor]
	}
	return nil
}
