package amqp

import "math"

// Begin opens a session on a channel (OASIS part 2, 2.7.2).
type Begin struct {
	RemoteChannel       Opt[uint16] // of the begin that this one answers
	NextOutgoingID      uint32
	IncomingWindow      uint32
	OutgoingWindow      uint32
	HandleMax           uint32
	OfferedCapabilities []Symbol
	DesiredCapabilities []Symbol
	Properties          Map
}

func (*Begin) code() uint64 { return 0x11 }

func (b *Begin) fields(f *fields) {
	option(f, ushorts, &b.RemoteChannel)
	must(f, uints, &b.NextOutgoingID)
	must(f, uints, &b.IncomingWindow)
	must(f, uints, &b.OutgoingWindow)
	field(f, uints, &b.HandleMax, math.MaxUint32)
	nilable(f, manySymbol, &b.OfferedCapabilities)
	nilable(f, manySymbol, &b.DesiredCapabilities)
	nilable(f, maps, &b.Properties)
}

// Flow tells the state of a session's windows and, with a handle, of a link's credit
// (OASIS part 2, 2.7.4).
type Flow struct {
	NextIncomingID Opt[uint32] // absent until the peer's begin is known
	IncomingWindow uint32
	NextOutgoingID uint32
	OutgoingWindow uint32
	Handle         Opt[uint32]
	DeliveryCount  Opt[uint32]
	LinkCredit     Opt[uint32]
	Available      Opt[uint32]
	Drain          bool
	Echo           bool
	Properties     Map
}

func (*Flow) code() uint64 { return 0x13 }

func (w *Flow) fields(f *fields) {
	option(f, uints, &w.NextIncomingID)
	must(f, uints, &w.IncomingWindow)
	must(f, uints, &w.NextOutgoingID)
	must(f, uints, &w.OutgoingWindow)
	option(f, uints, &w.Handle)
	option(f, uints, &w.DeliveryCount)
	option(f, uints, &w.LinkCredit)
	option(f, uints, &w.Available)
	field(f, flags, &w.Drain, false)
	field(f, flags, &w.Echo, false)
	nilable(f, maps, &w.Properties)
}

// End ends a session (OASIS part 2, 2.7.8).
type End struct{ Error *Error }

func (*End) code() uint64 { return 0x17 }

func (e *End) fields(f *fields) { part(f, &e.Error) }
