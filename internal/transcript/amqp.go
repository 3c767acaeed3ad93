package transcript

import (
	"encoding/binary"
	"fmt"
)

// amqpDecoder decodes the AMQP 1.0 frames of one direction, SASL's among them. The section
// numbers are those of the OASIS standard of 29 October 2012.
type amqpDecoder struct {
	head []byte // the eight bytes that begin a frame or a protocol header
	body []byte // what follows them, as far as it is kept
	size int64  // of what follows them
	left int64  // of it still to come
	done bool   // given up

	tokens  map[amqpLink]bool          // links to $cbs, on which tokens go
	pending map[amqpLink]*amqpDelivery // messages of which there is more to come
	lost    bool                       // there was more of either than is kept in mind
}

// amqpLink is a link as the transfers of one direction name it.
type amqpLink struct {
	channel uint16
	handle  uint64
}

const (
	amqpHead = 8
	amqpKept = 64<<10 + keptBody // of a frame: a performative and a payload
)

func (d *amqpDecoder) feed(b []byte, emit func(message)) {
	for len(b) > 0 && !d.done {
		if n := amqpHead - len(d.head); n > 0 {
			n = min(n, len(b))
			d.head = append(d.head, b[:n]...)
			b = b[n:]
			if len(d.head) == amqpHead {
				d.begin(emit)
			}
			continue
		}
		n := int(min(int64(len(b)), d.left))
		d.body = append(d.body, b[:min(n, amqpKept-len(d.body))]...)
		b, d.left = b[n:], d.left-int64(n)
		if d.left == 0 {
			d.frame(emit)
		}
	}
}

// begin looks at the eight bytes that are complete (2.2, 2.3.1).
func (d *amqpDecoder) begin(emit func(message)) {
	if string(d.head[:4]) == "AMQP" {
		layer := map[byte]string{0: "amqp", 2: "tls", 3: "sasl"}[d.head[4]]
		if layer == "" {
			layer = fmt.Sprintf("protocol %d", d.head[4])
		}
		emit(message{kind: KindMessage, summary: fmt.Sprintf("header %s %d.%d.%d", layer, d.head[5], d.head[6], d.head[7])})
		d.head = nil
		return
	}
	d.size = int64(binary.BigEndian.Uint32(d.head)) - amqpHead
	d.left = d.size
	offset, kind := int64(d.head[4])*4-amqpHead, d.head[5]
	switch {
	case d.size < 0:
		d.giveUp("an AMQP frame shorter than its header", emit)
	case offset < 0 || offset > d.size:
		d.giveUp("an AMQP frame whose body begins outside of it", emit)
	case kind > 1:
		d.giveUp(fmt.Sprintf("an AMQP frame of the unknown type %d", kind), emit)
	case d.size == 0:
		d.frame(emit)
	}
}

// frame tells the frame that is complete.
func (d *amqpDecoder) frame(emit func(message)) {
	offset := int(d.head[4])*4 - amqpHead
	sasl, channel := d.head[5] == 1, binary.BigEndian.Uint16(d.head[6:])
	body, size := d.body, d.size
	d.head, d.body, d.size = nil, nil, 0
	if int64(offset) == size {
		emit(message{kind: KindMessage, summary: fmt.Sprintf("empty frame ch=%d", channel)})
		return
	}
	cut := size > int64(len(body))
	r := newAMQPReader(body[min(offset, len(body)):])
	v := r.value(0)
	performative, ok := v.(amqpDescribed)
	name, fields := performative.composite()
	switch {
	case r.why != "" && cut:
		d.lost = true // it may have begun a message
		emit(message{kind: KindMessage, summary: fmt.Sprintf("frame ch=%d of %d bytes, too long to be decoded", channel, size+amqpHead)})
		return
	case r.why != "":
		d.giveUp("an AMQP frame with "+r.why, emit)
		return
	case !ok || !amqpPerformatives[name]:
		d.giveUp("an AMQP frame that begins with no performative", emit)
		return
	case sasl != amqpSASL[name]:
		d.giveUp(fmt.Sprintf("a %s in a frame of the other type", name), emit)
		return
	}
	m := message{kind: KindMessage, summary: name}
	if sasl {
		fields.sasl(&m, name)
	} else {
		m.summary += fmt.Sprintf(" ch=%d", channel)
		fields.show(&m)
		d.follow(&m, name, channel, fields, payload{r.b, int64(len(r.b)) + size - int64(len(body))})
	}
	emit(m)
}

// payload is what is behind a performative: the bytes that are kept of it, and its length.
type payload struct {
	b    []byte
	size int64
}

// follow keeps track of links and puts messages together.
func (d *amqpDecoder) follow(m *message, name string, channel uint16, fields amqpFields, p payload) {
	handle, _ := fields.get("handle").(uint64)
	link := amqpLink{channel, handle}
	switch name {
	case "attach":
		delete(d.tokens, link)
		delete(d.pending, link)
		if fields.address("source") == "$cbs" || fields.address("target") == "$cbs" {
			if d.tokens == nil {
				d.tokens = map[amqpLink]bool{}
			}
			d.tokens[link] = true
			d.lost = d.lost || len(d.tokens) > amqpLinks
		}
	case "transfer":
		d.transfer(m, link, fields, p)
		return
	}
	if p.size > 0 {
		m.summary += fmt.Sprintf(", and %d bytes behind it", p.size)
	}
}

// amqpLinks is how many links to $cbs and how many unfinished messages are kept in mind.
// Where there are more, messages are no longer told: one could be a token, or begin in its
// middle.
const amqpLinks = 64

func (d *amqpDecoder) transfer(m *message, link amqpLink, fields amqpFields, p payload) {
	m.summary += fmt.Sprintf(" %d bytes", p.size)
	if d.lost {
		d.tokens, d.pending = nil, nil
		m.lines = append(m.lines, "too much is open on this connection for messages to be put together")
		return
	}
	delivery := d.pending[link]
	if delivery == nil {
		delivery = &amqpDelivery{}
	}
	delivery.add(p)
	more, _ := fields.get("more").(bool)
	aborted, _ := fields.get("aborted").(bool)
	switch {
	case more && !aborted:
		if d.pending == nil {
			d.pending = map[amqpLink]*amqpDelivery{}
		}
		d.pending[link] = delivery
		d.lost = len(d.pending) > amqpLinks
		return
	case aborted:
	default:
		delivery.show(m, d.tokens[link])
	}
	delete(d.pending, link)
}

func (d *amqpDecoder) giveUp(why string, emit func(message)) {
	*d = amqpDecoder{done: true}
	emit(garbage(why))
}

func (d *amqpDecoder) end(emit func(message)) {
	if len(d.head) > 0 {
		emit(message{kind: KindNote, summary: fmt.Sprintf("closed inside an AMQP frame, after %d bytes of it", int64(len(d.head))+d.size-d.left)})
	}
	*d = amqpDecoder{done: true}
}
