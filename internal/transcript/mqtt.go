package transcript

import (
	"fmt"
	"strings"
)

// mqttDecoder decodes the MQTT 3.1.1 control packets of one direction. The section
// numbers are those of the OASIS standard of 29 October 2014.
type mqttDecoder struct {
	header []byte // the fixed header: a type byte and the remaining length
	body   []byte // what follows it, as far as it is kept
	length int    // the remaining length
	left   int    // bytes of it still to come
	inBody bool
	done   bool // given up
}

func (d *mqttDecoder) feed(b []byte, emit func(message)) {
	for len(b) > 0 && !d.done {
		if d.inBody {
			n := min(len(b), d.left)
			d.body = append(d.body, b[:min(n, mqttKept-len(d.body))]...)
			b, d.left = b[n:], d.left-n
		} else {
			d.header = append(d.header, b[0])
			b = b[1:]
			if why := d.fixedHeader(); why != "" {
				d.giveUp(why, emit)
				return
			}
		}
		if d.inBody && d.left == 0 {
			d.packet(emit)
		}
	}
}

// mqttKept is what is kept of a packet: a topic of any length and a payload.
const mqttKept = 64<<10 + keptBody

// fixedHeader looks at the bytes of the fixed header that have come (2.2).
func (d *mqttDecoder) fixedHeader() (why string) {
	last := d.header[len(d.header)-1]
	if len(d.header) == 1 {
		kind, flags := last>>4, last&0x0f
		switch {
		case mqttNames[kind] == "":
			return fmt.Sprintf("an MQTT packet of the reserved type %d", kind)
		case kind == mqttPublish && flags&0x06 == 0x06:
			return "a PUBLISH with QoS 3"
		case kind != mqttPublish && flags != mqttFlags[kind]:
			return fmt.Sprintf("a %s with flags %#x, which must be %#x", mqttNames[kind], flags, mqttFlags[kind])
		}
		return ""
	}
	if last&0x80 != 0 {
		if len(d.header) == 5 {
			return "an MQTT packet whose remaining length has more than four bytes"
		}
		return ""
	}
	for i, digit := range d.header[1:] {
		d.length |= int(digit&0x7f) << (7 * i)
	}
	d.inBody, d.left = true, d.length
	return ""
}

// packet tells the packet that is complete.
func (d *mqttDecoder) packet(emit func(message)) {
	kind, flags := d.header[0]>>4, d.header[0]&0x0f
	f := &mqttFields{b: d.body}
	m := message{kind: KindMessage, summary: mqttNames[kind]}
	var why string
	switch kind {
	case mqttConnect:
		why = f.connect(&m)
	case mqttConnack:
		present, code := f.byte(), f.byte()
		m.summary += fmt.Sprintf(" code=%d session-present=%d", code, present&1)
	case mqttPublish:
		why = f.publish(&m, flags, d.length)
	case mqttSubscribe:
		why = f.filters(&m, true)
	case mqttSuback:
		why = f.granted(&m)
	case mqttUnsubscribe:
		why = f.filters(&m, false)
	case mqttPingreq, mqttPingresp, mqttDisconnect:
	default: // the acknowledgements
		m.summary += fmt.Sprintf(" pid=%d", f.uint16())
	}
	switch {
	case why != "":
	case f.short:
		why = fmt.Sprintf("a %s with a field that reaches past the end of the packet", mqttNames[kind])
	case len(f.b) > 0:
		why = fmt.Sprintf("a %s with %d bytes more than MQTT 3.1.1 has in it", mqttNames[kind], len(f.b))
	}
	if why != "" {
		d.giveUp(why, emit)
		return
	}
	emit(m)
	*d = mqttDecoder{done: f.foreign}
}

func (d *mqttDecoder) giveUp(why string, emit func(message)) {
	*d = mqttDecoder{done: true}
	emit(garbage(why))
}

func (d *mqttDecoder) end(emit func(message)) {
	if len(d.header) > 0 {
		emit(message{kind: KindNote, summary: fmt.Sprintf("closed inside an MQTT packet, after %d bytes of a %s", len(d.header)+d.length-d.left, mqttNames[d.header[0]>>4])})
	}
	*d = mqttDecoder{done: true}
}

// Control packet types (2.2.1).
const (
	mqttConnect     = 1
	mqttConnack     = 2
	mqttPublish     = 3
	mqttSubscribe   = 8
	mqttSuback      = 9
	mqttUnsubscribe = 10
	mqttPingreq     = 12
	mqttPingresp    = 13
	mqttDisconnect  = 14
)

var (
	mqttNames = [16]string{"", "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP",
		"SUBSCRIBE", "SUBACK", "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", ""}
	// mqttFlags are the flags that a type must carry; 0 where it is not listed (2.2.2).
	mqttFlags = [16]byte{6: 2, mqttSubscribe: 2, mqttUnsubscribe: 2}
)

// connect reads a CONNECT (3.1). The password is shown only as what it says of itself.
func (f *mqttFields) connect(m *message) (why string) {
	protocol, level := f.string(), f.byte()
	if f.short {
		return ""
	}
	if protocol != "MQTT" && protocol != "MQIsdp" {
		return "a CONNECT of another protocol"
	}
	if level != 4 && level != 3 { // 3 is MQTT 3.1, with the same fields
		m.summary += fmt.Sprintf(" level=%d", level)
		m.lines = append(m.lines, "only MQTT 3.1.1 is decoded; the rest of this direction is not")
		f.b, f.foreign = nil, true
		return ""
	}
	flags, keepAlive, client := f.byte(), f.uint16(), f.string()
	m.summary += fmt.Sprintf(" client=%q clean=%d keep-alive=%d", client, flags>>1&1, keepAlive)
	if level == 3 {
		m.summary += " level=3"
	}
	if flags&1 != 0 {
		return "a CONNECT with its reserved flag set" // 3.1.2.3
	}
	if flags&0x04 != 0 {
		topic, payload := f.string(), f.string()
		m.lines = append(m.lines, fmt.Sprintf("will: q%d retain=%d %s, %d bytes", flags>>3&3, flags>>5&1, redactTarget(topic), len(payload)))
	}
	if flags&0x80 != 0 {
		m.lines = append(m.lines, "username: "+redactTarget(f.string()))
	}
	if flags&0x40 != 0 {
		m.lines = append(m.lines, "password: "+redactCredential(f.string()))
	}
	return ""
}

// publish reads a PUBLISH (3.3), of whose payload the end may not be kept.
func (f *mqttFields) publish(m *message, flags byte, length int) (why string) {
	qos := flags >> 1 & 3
	cutOff := length - len(f.b)
	topic := f.string()
	m.summary += fmt.Sprintf(" q%d", qos)
	if flags&8 != 0 {
		m.summary += " dup"
	}
	if flags&1 != 0 {
		m.summary += " retain"
	}
	if qos > 0 {
		m.summary += fmt.Sprintf(" pid=%d", f.uint16())
	}
	m.summary += " " + redactTarget(topic)
	m.body, m.size = f.b[:min(len(f.b), keptBody)], int64(len(f.b)+cutOff)
	f.b = nil
	return ""
}

// filters reads a SUBSCRIBE (3.8), with the QoS asked for each filter, or an UNSUBSCRIBE (3.10).
func (f *mqttFields) filters(m *message, withQoS bool) (why string) {
	m.summary += fmt.Sprintf(" pid=%d", f.uint16())
	if len(f.b) == 0 && !f.short {
		return "a " + strings.Fields(m.summary)[0] + " without a filter"
	}
	var filters []string
	for len(f.b) > 0 && !f.short {
		filter := f.string()
		if withQoS {
			qos := f.byte()
			if qos > 2 {
				return "a SUBSCRIBE that asks for a QoS above 2"
			}
			filter += fmt.Sprintf(" q%d", qos)
		}
		filters = append(filters, filter)
	}
	m.summary += " " + strings.Join(filters, ", ")
	return ""
}

// granted reads a SUBACK (3.9).
func (f *mqttFields) granted(m *message) (why string) {
	m.summary += fmt.Sprintf(" pid=%d", f.uint16())
	var granted strings.Builder
	for len(f.b) > 0 {
		switch code := f.byte(); code {
		case 0, 1, 2:
			fmt.Fprintf(&granted, " q%d", code)
		case 0x80:
			granted.WriteString(" refused")
		default:
			return fmt.Sprintf("a SUBACK with the return code %#x", code)
		}
	}
	m.summary += granted.String()
	return ""
}

// mqttFields reads a packet's fields from the front. Past the end it reads zeroes and
// says so in short.
type mqttFields struct {
	b       []byte
	short   bool
	foreign bool // another version follows, of which nothing is known
}

func (f *mqttFields) take(n int) []byte {
	if n > len(f.b) {
		f.b, f.short = nil, true
		return nil
	}
	head := f.b[:n]
	f.b = f.b[n:]
	return head
}

func (f *mqttFields) byte() byte {
	if b := f.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (f *mqttFields) uint16() int {
	if b := f.take(2); len(b) == 2 {
		return int(b[0])<<8 | int(b[1])
	}
	return 0
}

func (f *mqttFields) string() string { return string(f.take(f.uint16())) }
