package amqpserver

import (
	"time"

	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
	"github.com/dpslab/dpslab/internal/point"
)

// The points of this package, in the order in which a connection passes them.
var (
	Header     = point.Define[HeaderReply]("amqpserver.header")
	Mechanisms = point.Define[MechanismsReply]("amqpserver.mechanisms")
	Challenge  = point.Define[ChallengeReply]("amqpserver.challenge")
	Outcome    = point.Define[OutcomeReply]("amqpserver.outcome")
	Open       = point.Define[OpenReply]("amqpserver.open")
	Enforced   = point.Define[Limits]("amqpserver.enforced")
	Begin      = point.Define[BeginReply]("amqpserver.begin")
	Attach     = point.Define[AttachReply]("amqpserver.attach")
	Credit     = point.Define[CreditGrant]("amqpserver.credit")
	Settle     = point.Define[Settlement]("amqpserver.settle")
	Outgoing   = point.Define[OutgoingMessage]("amqpserver.outgoing")
	Detach     = point.Define[DetachFrame]("amqpserver.detach")
	Keepalive  = point.Define[KeepaliveFrame]("amqpserver.keepalive")
	Violated   = point.Define[Violation]("amqpserver.violated")
	Close      = point.Define[CloseFrame]("amqpserver.close")
)

// Steps at which the points are passed.
const (
	StepHeader  = "header"
	StepSASL    = "sasl"
	StepOpen    = "open"
	StepBegin   = "begin"
	StepAttach  = "attach"
	StepReceive = "receive" // what the client sends
	StepDeliver = "deliver" // what the server sends
	StepIdle    = "idle"
	StepEnd     = "end" // detach and close
)

// HeaderReply is the answer to a protocol header.
type HeaderReply struct {
	Asked amqp.ProtocolHeader // for plans to read

	Answer amqp.ProtocolHeader
	Drop   bool // send nothing
}

// MechanismsReply is the offer of SASL mechanisms.
type MechanismsReply struct {
	Mechanisms []amqp.Symbol
	Drop       bool
}

// ChallengeReply is a SASL challenge.
type ChallengeReply struct {
	N int // of the step that it answers; for plans to read

	Challenge []byte
	Drop      bool
}

// OutcomeReply is the end of a SASL exchange. A plan that makes OK of another code goes on
// with a client that the Handler refused: Conn.Value is what Authenticate left there.
type OutcomeReply struct {
	Code           amqp.SASLCode
	AdditionalData []byte
	Drop           bool
}

// OpenReply is the answer to an open.
type OpenReply struct {
	Asked *amqp.Open // for plans to read

	Open  amqp.Open
	Error *amqp.Error // follow the open with a close
	Drop  bool
}

// Limits are what a connection is held to, whatever its open said.
type Limits struct {
	MaxFrame    uint32        // bytes
	MaxMessage  uint64        // bytes; of links whose attach reply says no other
	IdleTimeout time.Duration // 0: none
	AnyCredit   bool          // messages beyond the credit given are taken
}

// BeginReply is the answer to a begin. What it says is what the session keeps to.
type BeginReply struct {
	Begin amqp.Begin
	Drop  bool
}

// AttachReply is the answer to an attach. A plan that takes away Error attaches a link that
// the Handler refused, and whose messages nobody gets.
type AttachReply struct {
	Asked *amqp.Attach // for plans to read

	Attach amqp.Attach
	Error  *amqp.Error // refuse it
	Drop   bool
}

// CreditGrant is credit that a client gets for a link.
type CreditGrant struct {
	Address string // for plans to read

	Credit uint32
	Drop   bool // send no flow
}

// Settlement is what becomes of a message that a client sent.
type Settlement struct {
	Address string // for plans to read

	State       amqp.State
	Settled     bool
	Drop        bool // send nothing
	AfterAnswer bool // hold it back until the next message to the client is sent
}

// OutgoingMessage is a message to a client.
type OutgoingMessage struct {
	Address string // for plans to read

	Message   *amqp.Message
	Tag       []byte
	Format    uint32
	Settled   bool
	FrameSize uint32 // the largest frame to send
	Drop      bool   // send nothing
	Duplicate bool   // send it twice
}

// DetachFrame is a detach, whether the client asked for it or not.
type DetachFrame struct {
	Address string // for plans to read

	Closed bool
	Error  *amqp.Error
	Drop   bool
}

// KeepaliveFrame is the empty frame that a quiet server owes a client.
type KeepaliveFrame struct{ Drop bool }

// Violation is a frame behind the open that breaks the standard, and so is about to end the
// connection.
type Violation struct {
	Error *amqp.Error // for plans to read

	Ignore bool // go on with what follows
}

// CloseFrame is a close, whether the client asked for it or not.
type CloseFrame struct {
	Error *amqp.Error
	Drop  bool
}
