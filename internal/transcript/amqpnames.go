package transcript

import (
	"fmt"
	"strings"
)

// amqpComposites are AMQP's composite types by descriptor, each with its name and then its
// fields (2.7, 2.8.14, 3.4, 3.5, 5.3.3).
var amqpComposites = map[uint64][]string{
	0x10: strings.Fields("open container-id hostname max-frame-size channel-max idle-time-out outgoing-locales incoming-locales offered-capabilities desired-capabilities properties"),
	0x11: strings.Fields("begin remote-channel next-outgoing-id incoming-window outgoing-window handle-max offered-capabilities desired-capabilities properties"),
	0x12: strings.Fields("attach name handle role snd-settle-mode rcv-settle-mode source target unsettled incomplete-unsettled initial-delivery-count max-message-size offered-capabilities desired-capabilities properties"),
	0x13: strings.Fields("flow next-incoming-id incoming-window next-outgoing-id outgoing-window handle delivery-count link-credit available drain echo properties"),
	0x14: strings.Fields("transfer handle delivery-id delivery-tag message-format settled more rcv-settle-mode state resume aborted batchable"),
	0x15: strings.Fields("disposition role first last settled state batchable"),
	0x16: strings.Fields("detach handle closed error"),
	0x17: strings.Fields("end error"),
	0x18: strings.Fields("close error"),
	0x1d: strings.Fields("error condition description info"),
	0x23: strings.Fields("received section-number section-offset"),
	0x24: strings.Fields("accepted"),
	0x25: strings.Fields("rejected error"),
	0x26: strings.Fields("released"),
	0x27: strings.Fields("modified delivery-failed undeliverable-here message-annotations"),
	0x28: strings.Fields("source address durable expiry-policy timeout dynamic dynamic-node-properties distribution-mode filter default-outcome outcomes capabilities"),
	0x29: strings.Fields("target address durable expiry-policy timeout dynamic dynamic-node-properties capabilities"),
	0x40: strings.Fields("sasl-mechanisms sasl-server-mechanisms"),
	0x41: strings.Fields("sasl-init mechanism initial-response hostname"),
	0x42: strings.Fields("sasl-challenge challenge"),
	0x43: strings.Fields("sasl-response response"),
	0x44: strings.Fields("sasl-outcome code additional-data"),
	0x70: strings.Fields("header durable priority ttl first-acquirer delivery-count"),
	0x73: strings.Fields("properties message-id user-id to subject reply-to correlation-id content-type content-encoding absolute-expiry-time creation-time group-id group-sequence reply-to-group-id"),
}

// amqpSections are the sections of a message that are no composites (3.2).
var amqpSections = map[uint64]string{
	0x71: "delivery-annotations", 0x72: "message-annotations", 0x74: "application-properties",
	0x75: "data", 0x76: "amqp-sequence", 0x77: "amqp-value", 0x78: "footer",
}

// amqpPerformatives are the composites that begin a frame, and of these, amqpSASL those of
// a SASL frame.
var (
	amqpPerformatives = map[string]bool{}
	amqpSASL          = map[string]bool{}
	amqpCodes         = map[string]uint64{} // by what a symbolic descriptor has between its colons
)

func init() {
	for code, names := range amqpComposites {
		amqpCodes[names[0]] = code
		amqpSASL[names[0]] = code >= 0x40 && code <= 0x44
		amqpPerformatives[names[0]] = code <= 0x18 || amqpSASL[names[0]]
	}
	for code, name := range amqpSections {
		amqpCodes[name] = code
	}
}

// code is the numeric descriptor, also of a symbolic one such as amqp:open:list.
func (d amqpDescribed) code() (code uint64, ok bool) {
	switch descriptor := d.descriptor.(type) {
	case uint64:
		return descriptor, true
	case amqpSymbol:
		parts := strings.Split(string(descriptor), ":")
		if len(parts) == 3 && parts[0] == "amqp" {
			code, ok = amqpCodes[parts[1]]
		}
	}
	return code, ok
}

// composite is the name and the fields of a composite type; "" for anything else.
func (d amqpDescribed) composite() (name string, fields amqpFields) {
	code, ok := d.code()
	names := amqpComposites[code]
	values, isList := d.value.(amqpList)
	if !ok || names == nil || !isList {
		return "", fields
	}
	return names[0], amqpFields{names[1:], values}
}

// amqpFields are the fields of a composite.
type amqpFields struct {
	names  []string
	values []any
}

func (f amqpFields) get(name string) any {
	for i, n := range f.names {
		if n == name && i < len(f.values) {
			return plainInteger(f.values[i])
		}
	}
	return nil
}

// inner is a field that is a composite itself.
func (f amqpFields) inner(name string) (string, amqpFields) {
	d, _ := f.get(name).(amqpDescribed)
	return d.composite()
}

// address is that of a source or target.
func (f amqpFields) address(terminus string) string {
	_, inner := f.inner(terminus)
	address, _ := inner.get("address").(string)
	return address
}

// pairs are the fields that are not null, name=value each.
func (f amqpFields) pairs() []string {
	var pairs []string
	for i, v := range f.values {
		if v == nil {
			continue
		}
		name := fmt.Sprintf("field-%d", i)
		if i < len(f.names) {
			name = f.names[i]
		}
		pairs = append(pairs, name+"="+f.text(name, v))
	}
	return pairs
}

// text is a field's value as it is shown: without its type, which the standard fixes,
// except for ids, which may be of several.
func (f amqpFields) text(name string, v any) string {
	switch name {
	case "role":
		if v == true {
			return "receiver"
		}
		return "sender"
	case "message-id", "correlation-id":
		if id, ok := v.(amqpBinary); ok && len(id) <= 32 {
			return fmt.Sprintf("binary:%x", []byte(id))
		}
		return showAMQP(v)
	}
	if n, ok := v.(amqpInteger); ok {
		return fmt.Sprint(n.n)
	}
	return showAMQP(v)
}
