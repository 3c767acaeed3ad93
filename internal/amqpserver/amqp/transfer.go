package amqp

// Transfer carries a message, or a part of one, behind it in the frame (OASIS part 2, 2.7.5).
type Transfer struct {
	Handle        uint32
	DeliveryID    Opt[uint32] // may be absent in all frames of a message but the first; likewise the next two
	DeliveryTag   []byte
	MessageFormat Opt[uint32]
	Settled       Opt[bool]
	More          bool
	// ReceiverSettleMode overrides the link's.
	ReceiverSettleMode Opt[uint8]
	State              State
	Resume             bool
	Aborted            bool
	Batchable          bool
}

func (*Transfer) code() uint64 { return 0x14 }

func (t *Transfer) fields(f *fields) {
	must(f, uints, &t.Handle)
	option(f, uints, &t.DeliveryID)
	nilable(f, binaries, &t.DeliveryTag)
	option(f, uints, &t.MessageFormat)
	option(f, flags, &t.Settled)
	field(f, flags, &t.More, false)
	option(f, ubytes, &t.ReceiverSettleMode)
	state(f, &t.State)
	field(f, flags, &t.Resume, false)
	field(f, flags, &t.Aborted, false)
	field(f, flags, &t.Batchable, false)
}

// Disposition tells the state of a range of deliveries (OASIS part 2, 2.7.6).
type Disposition struct {
	Role      Role // of who sends it
	First     uint32
	Last      Opt[uint32] // absent: First
	Settled   bool
	State     State
	Batchable bool
}

func (*Disposition) code() uint64 { return 0x15 }

func (d *Disposition) fields(f *fields) {
	must(f, flags, (*bool)(&d.Role))
	must(f, uints, &d.First)
	option(f, uints, &d.Last)
	field(f, flags, &d.Settled, false)
	state(f, &d.State)
	field(f, flags, &d.Batchable, false)
}
