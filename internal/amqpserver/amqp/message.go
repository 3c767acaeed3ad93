package amqp

// Message is a message in its sections (OASIS part 3, 3.2). A section that is nil is not
// there; what was read shares the memory of the bytes that it was read from.
type Message struct {
	Header                *Header
	DeliveryAnnotations   Map // symbol keys
	MessageAnnotations    Map // symbol keys
	Properties            *Properties
	ApplicationProperties Map  // string keys
	Body                  Body // nil: none, which the standard does not allow and a client sends (device-api.md 3.3)
	Footer                Map
}

// Body is the body of a message: Data, Sequences or Single.
type Body interface{ body() }

// Data is a body of one or more data sections.
type Data [][]byte

// Sequences is a body of one or more amqp-sequence sections.
type Sequences []List

// Single is a body of one amqp-value section.
type Single struct{ Value Value }

func (Data) body()      {}
func (Sequences) body() {}
func (Single) body()    {}

// Payload is the body as bytes: its data sections joined, or its value when that is binary
// or a string. ok is false for any other body, and for none.
func (m *Message) Payload() (payload []byte, ok bool) {
	switch body := m.Body.(type) {
	case Data:
		if len(body) == 1 {
			return body[0], true
		}
		for _, part := range body {
			payload = append(payload, part...)
		}
		return payload, true
	case Single:
		switch v := body.Value.(type) {
		case []byte:
			return v, true
		case string:
			return []byte(v), true
		}
	}
	return nil, false
}

// Sections of a message, in their order.
const (
	sectionHeader = 0x70 + iota
	sectionDeliveryAnnotations
	sectionMessageAnnotations
	sectionProperties
	sectionApplicationProperties
	sectionData
	sectionSequence
	sectionValue
	sectionFooter
)

// Append appends the message.
func (m *Message) Append(b []byte) ([]byte, error) {
	e := encoder{b: b}
	if m.Header != nil {
		e.composite(m.Header)
	}
	e.annotations(sectionDeliveryAnnotations, m.DeliveryAnnotations)
	e.annotations(sectionMessageAnnotations, m.MessageAnnotations)
	if m.Properties != nil {
		e.composite(m.Properties)
	}
	e.annotations(sectionApplicationProperties, m.ApplicationProperties)
	switch body := m.Body.(type) {
	case Data:
		for _, part := range body {
			e.section(sectionData)
			e.binary(part)
		}
	case Sequences:
		for _, list := range body {
			e.section(sectionSequence)
			e.list(list)
		}
	case Single:
		e.section(sectionValue)
		e.value(body.Value)
	}
	e.annotations(sectionFooter, m.Footer)
	return e.b, e.err
}

func (e *encoder) section(code byte) {
	e.b = append(e.b, codeDescribed, codeSmallUlng, code)
}

func (e *encoder) annotations(code byte, m Map) {
	if m != nil {
		e.section(code)
		e.mapping(m)
	}
}

// ReadMessage decodes a whole message.
func ReadMessage(b []byte) (*Message, error) {
	d := newDecoder(b)
	m := new(Message)
	for last := uint64(0); len(d.b) > 0 && d.err == nil; {
		code := d.descriptor()
		repeats := code == last && (code == sectionData || code == sectionSequence)
		if d.err == nil && (code < sectionHeader || code > sectionFooter || code <= last && !repeats) {
			d.fail("%s has no place here", name(code))
		}
		last = code
		m.read(d, code)
	}
	return m, d.failed()
}

func (m *Message) read(d *decoder, code uint64) {
	switch code {
	case sectionHeader:
		m.Header = new(Header)
		d.list(m.Header)
	case sectionDeliveryAnnotations:
		m.DeliveryAnnotations = d.mapping()
	case sectionMessageAnnotations:
		m.MessageAnnotations = d.mapping()
	case sectionProperties:
		m.Properties = new(Properties)
		d.list(m.Properties)
	case sectionApplicationProperties:
		m.ApplicationProperties = d.mapping()
	case sectionFooter:
		m.Footer = d.mapping()
	default:
		m.readBody(d, code)
	}
}

func (m *Message) readBody(d *decoder, code uint64) {
	if m.Body != nil && code != bodySection(m.Body) {
		d.fail("a body of two kinds")
	}
	switch code {
	case sectionData:
		body, _ := m.Body.(Data)
		m.Body = append(body, d.binary())
	case sectionSequence:
		body, _ := m.Body.(Sequences)
		list, ok := d.value().(List)
		if !ok {
			d.fail("an amqp-sequence is no list")
		}
		m.Body = append(body, list)
	case sectionValue:
		m.Body = Single{d.value()}
	}
}

func bodySection(b Body) uint64 {
	switch b.(type) {
	case Data:
		return sectionData
	case Sequences:
		return sectionSequence
	}
	return sectionValue
}
