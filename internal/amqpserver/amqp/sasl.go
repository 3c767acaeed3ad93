package amqp

// SASLMechanisms lists what a server offers (OASIS part 5, 5.3.3.1).
type SASLMechanisms struct{ Mechanisms []Symbol }

// SASLInit chooses one (OASIS part 5, 5.3.3.2).
type SASLInit struct {
	Mechanism Symbol
	Response  []byte // nil: none
	Hostname  string
}

// SASLChallenge asks for a SASLResponse (OASIS part 5, 5.3.3.3).
type SASLChallenge struct{ Challenge []byte }

// SASLResponse answers it (OASIS part 5, 5.3.3.4).
type SASLResponse struct{ Response []byte }

// SASLOutcome ends the exchange (OASIS part 5, 5.3.3.5).
type SASLOutcome struct {
	Code           SASLCode
	AdditionalData []byte
}

// SASLCode is an outcome of SASL (OASIS part 5, 5.3.3.6).
type SASLCode uint8

const (
	SASLOK         SASLCode = iota
	SASLAuth                // the credentials are not accepted
	SASLSystem              // a system error
	SASLSystemPerm          // one that needs a change to go away
	SASLSystemTemp          // one that may go away by itself
)

func (*SASLMechanisms) code() uint64 { return 0x40 }
func (*SASLInit) code() uint64       { return 0x41 }
func (*SASLChallenge) code() uint64  { return 0x42 }
func (*SASLResponse) code() uint64   { return 0x43 }
func (*SASLOutcome) code() uint64    { return 0x44 }

// An array even for one mechanism: a client throws otherwise. [DPS-AMQP-003]
func (s *SASLMechanisms) fields(f *fields) { must(f, manySymbol, &s.Mechanisms) }

func (s *SASLInit) fields(f *fields) {
	must(f, symbols, &s.Mechanism)
	nilable(f, binaries, &s.Response)
	field(f, texts, &s.Hostname, "")
}

func (s *SASLChallenge) fields(f *fields) { must(f, binaries, &s.Challenge) }

func (s *SASLResponse) fields(f *fields) { must(f, binaries, &s.Response) }

func (s *SASLOutcome) fields(f *fields) {
	must(f, ubytes, (*uint8)(&s.Code))
	nilable(f, binaries, &s.AdditionalData)
}
