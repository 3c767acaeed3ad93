package amqp

// Role is a link end's: whether it sends or receives.
type Role bool

const (
	Sender   Role = false
	Receiver Role = true
)

// Settlement modes of a sender (OASIS part 2, 2.8.2).
const (
	SenderUnsettled uint8 = iota
	SenderSettled
	SenderMixed
)

// Settlement modes of a receiver (OASIS part 2, 2.8.3).
const (
	ReceiverFirst  uint8 = iota // it settles by itself
	ReceiverSecond              // it settles after the sender has
)

// Attach attaches one end of a link to a session (OASIS part 2, 2.7.3).
type Attach struct {
	Name                 string
	Handle               uint32
	Role                 Role
	SenderSettleMode     uint8
	ReceiverSettleMode   uint8
	Source               *Source
	Target               *Target
	Coordinator          bool // the target is a transaction coordinator; only read
	Unsettled            Map
	IncompleteUnsettled  bool
	InitialDeliveryCount Opt[uint32] // a sender's
	MaxMessageSize       uint64      // 0: any
	OfferedCapabilities  []Symbol
	DesiredCapabilities  []Symbol
	Properties           Map
}

func (*Attach) code() uint64 { return 0x12 }

func (a *Attach) fields(f *fields) {
	must(f, texts, &a.Name)
	must(f, uints, &a.Handle)
	must(f, flags, (*bool)(&a.Role))
	field(f, ubytes, &a.SenderSettleMode, SenderMixed)
	field(f, ubytes, &a.ReceiverSettleMode, ReceiverFirst)
	part(f, &a.Source)
	a.target(f)
	nilable(f, maps, &a.Unsettled)
	field(f, flags, &a.IncompleteUnsettled, false)
	option(f, uints, &a.InitialDeliveryCount)
	field(f, ulongs, &a.MaxMessageSize, 0)
	nilable(f, manySymbol, &a.OfferedCapabilities)
	nilable(f, manySymbol, &a.DesiredCapabilities)
	nilable(f, maps, &a.Properties)
	if f.from != nil && (a.SenderSettleMode > SenderMixed || a.ReceiverSettleMode > ReceiverSecond) {
		f.from.fail("settle modes %d and %d", a.SenderSettleMode, a.ReceiverSettleMode)
	}
}

// target reads what a link leads to: a node, or a coordinator of transactions.
func (a *Attach) target(f *fields) {
	if f.to != nil {
		part(f, &a.Target)
		return
	}
	if a.Target = nil; f.absent() {
		return
	}
	const coordinator = 0x30
	if code := f.from.descriptor(); code == coordinator {
		a.Coordinator = true
		f.from.value()
	} else {
		a.Target = new(Target)
		f.from.described(code, a.Target)
	}
}

// Detach detaches a link end (OASIS part 2, 2.7.7).
type Detach struct {
	Handle uint32
	Closed bool // it is not to be attached again
	Error  *Error
}

func (*Detach) code() uint64 { return 0x16 }

func (d *Detach) fields(f *fields) {
	must(f, uints, &d.Handle)
	field(f, flags, &d.Closed, false)
	part(f, &d.Error)
}
