package amqp

// Properties are the standard's properties of a message (OASIS part 3, 3.2.4). A string
// that is empty counts as absent.
type Properties struct {
	MessageID          Value // uint64, UUID, []byte or string; nil: none
	UserID             []byte
	To                 string
	Subject            string
	ReplyTo            string
	CorrelationID      Value // likewise
	ContentType        Symbol
	ContentEncoding    Symbol
	AbsoluteExpiryTime Opt[Timestamp]
	CreationTime       Opt[Timestamp]
	GroupID            string
	GroupSequence      Opt[uint32]
	ReplyToGroupID     string
}

func (*Properties) code() uint64 { return 0x73 }

func (p *Properties) fields(f *fields) {
	messageID(f, &p.MessageID)
	nilable(f, binaries, &p.UserID)
	field(f, texts, &p.To, "")
	field(f, texts, &p.Subject, "")
	field(f, texts, &p.ReplyTo, "")
	messageID(f, &p.CorrelationID)
	field(f, symbols, &p.ContentType, "")
	field(f, symbols, &p.ContentEncoding, "")
	option(f, timestamps, &p.AbsoluteExpiryTime)
	option(f, timestamps, &p.CreationTime)
	field(f, texts, &p.GroupID, "")
	option(f, uints, &p.GroupSequence)
	field(f, texts, &p.ReplyToGroupID, "")
}

// messageID is a field that identifies a message by one of four types.
func messageID(f *fields, p *Value) {
	switch {
	case f.to == nil && f.absent():
		*p = nil
	case f.to == nil:
		*p = f.from.value()
	case *p == nil:
		f.omit()
		return
	default:
		f.present()
		f.to.value(*p)
	}
	switch (*p).(type) {
	case nil, uint64, UUID, []byte, string:
	default:
		if f.to == nil {
			f.from.fail("a %T as message id", *p)
		} else {
			f.to.fail("a %T as message id", *p)
		}
	}
}

// Header is what a message asks of those who carry it (OASIS part 3, 3.2.1).
type Header struct {
	Durable       bool
	Priority      uint8       // 4 is ordinary
	TTL           Opt[uint32] // milliseconds
	FirstAcquirer bool
	DeliveryCount uint32
}

func (*Header) code() uint64 { return 0x70 }

func (h *Header) fields(f *fields) {
	field(f, flags, &h.Durable, false)
	field(f, ubytes, &h.Priority, 4)
	option(f, uints, &h.TTL)
	field(f, flags, &h.FirstAcquirer, false)
	field(f, uints, &h.DeliveryCount, 0)
}
