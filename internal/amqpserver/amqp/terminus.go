package amqp

// Source is where the messages of a link come from (OASIS part 3, 3.5.3).
type Source struct {
	Address               string
	Durable               uint32
	ExpiryPolicy          Symbol
	Timeout               uint32 // seconds
	Dynamic               bool
	DynamicNodeProperties Map
	DistributionMode      Symbol
	Filter                Map // symbols to described values
	DefaultOutcome        State
	Outcomes              []Symbol
	Capabilities          []Symbol
}

// whenSessionEnds is the default of an expiry policy.
const whenSessionEnds Symbol = "session-end"

func (*Source) code() uint64 { return 0x28 }

func (s *Source) fields(f *fields) {
	field(f, texts, &s.Address, "")
	field(f, uints, &s.Durable, 0)
	field(f, symbols, &s.ExpiryPolicy, whenSessionEnds)
	field(f, uints, &s.Timeout, 0)
	field(f, flags, &s.Dynamic, false)
	nilable(f, maps, &s.DynamicNodeProperties)
	field(f, symbols, &s.DistributionMode, "")
	nilable(f, maps, &s.Filter)
	state(f, &s.DefaultOutcome)
	nilable(f, manySymbol, &s.Outcomes)
	nilable(f, manySymbol, &s.Capabilities)
}

// Target is where the messages of a link go to (OASIS part 3, 3.5.4).
type Target struct {
	Address               string
	Durable               uint32
	ExpiryPolicy          Symbol
	Timeout               uint32 // seconds
	Dynamic               bool
	DynamicNodeProperties Map
	Capabilities          []Symbol
}

func (*Target) code() uint64 { return 0x29 }

func (t *Target) fields(f *fields) {
	field(f, texts, &t.Address, "")
	field(f, uints, &t.Durable, 0)
	field(f, symbols, &t.ExpiryPolicy, whenSessionEnds)
	field(f, uints, &t.Timeout, 0)
	field(f, flags, &t.Dynamic, false)
	nilable(f, maps, &t.DynamicNodeProperties)
	nilable(f, manySymbol, &t.Capabilities)
}
