package amqp

// ProtocolHeader is the first eight bytes that each side sends, and those after SASL
// (OASIS part 2, 2.2, and part 5, 5.3.1).
type ProtocolHeader [8]byte

var (
	HeaderAMQP = ProtocolHeader{'A', 'M', 'Q', 'P', 0, 1, 0, 0}
	HeaderSASL = ProtocolHeader{'A', 'M', 'Q', 'P', 3, 1, 0, 0}
)
