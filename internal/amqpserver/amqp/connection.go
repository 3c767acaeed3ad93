package amqp

import "math"

// Performative is the body of a frame, but for the payload behind a Transfer: one of *Open,
// *Begin, *Attach, *Flow, *Transfer, *Disposition, *Detach, *End, *Close, and in a frame of
// SASL one of *SASLMechanisms, *SASLInit, *SASLChallenge, *SASLResponse, *SASLOutcome.
type Performative interface{ composite }

// MinMaxFrameSize is the smallest maximum frame size that a peer may ask for, and what
// holds until it has asked (OASIS part 2, 2.8.1).
const MinMaxFrameSize = 512

// Open negotiates a connection (OASIS part 2, 2.7.1).
type Open struct {
	ContainerID         string
	Hostname            string
	MaxFrameSize        uint32      // the largest frame that the sender of the open can take
	ChannelMax          uint16      // the highest channel number that it can take
	IdleTimeout         Opt[uint32] // milliseconds; absent or 0: it never gives up
	OutgoingLocales     []Symbol
	IncomingLocales     []Symbol
	OfferedCapabilities []Symbol
	DesiredCapabilities []Symbol
	Properties          Map
}

func (*Open) code() uint64 { return 0x10 }

func (o *Open) fields(f *fields) {
	must(f, texts, &o.ContainerID)
	field(f, texts, &o.Hostname, "")
	field(f, uints, &o.MaxFrameSize, math.MaxUint32)
	field(f, ushorts, &o.ChannelMax, math.MaxUint16)
	option(f, uints, &o.IdleTimeout)
	nilable(f, manySymbol, &o.OutgoingLocales)
	nilable(f, manySymbol, &o.IncomingLocales)
	nilable(f, manySymbol, &o.OfferedCapabilities)
	nilable(f, manySymbol, &o.DesiredCapabilities)
	nilable(f, maps, &o.Properties)
}

// Close ends a connection (OASIS part 2, 2.7.9).
type Close struct{ Error *Error }

func (*Close) code() uint64 { return 0x18 }

func (c *Close) fields(f *fields) { part(f, &c.Error) }
