package amqpfront

import (
	"time"

	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/problem"
)

// Authenticating is passed when a SASL exchange of a known scope was judged.
var Authenticating = point.Define[Login]("amqpfront.authenticating")

// Login is a SASL exchange and the outcome that it gets.
type Login struct {
	Mechanism amqp.Symbol
	Code      amqp.SASLCode
}

// Attaching is passed when a link of a known device was judged.
var Attaching = point.Define[Attachment]("amqpfront.attaching")

// Attachment is a link and what is wrong with it; nil lets it in.
type Attachment struct {
	Asked   *amqp.Attach
	Address string // of the link's end at the service
	Problem *problem.Error
}

// Receiving is passed when a message was read.
var Receiving = point.Define[Judgement]("amqpfront.receiving")

// Judgement is a message, what it asks and what is wrong with it; nil lets it through.
type Judgement struct {
	Message     *amqp.Message
	Step        string
	OperationID string
	Problem     *problem.Error
}

// Answering is passed before a request is settled and answered.
var Answering = point.Define[Answer]("amqpfront.answering")

// Answer is what a request comes to. Below 300 the code is not on the wire: the request is
// accepted and the body sent to the device. From 300 on it is rejected, and the body is the
// description.
type Answer struct {
	Request       *amqp.Message
	Code          int
	Body          []byte
	HasRetryAfter bool
	RetryAfter    time.Duration
	CorrelationID amqp.Value

	Message *amqp.Message // made from the others after the point, unless a plan sets it
	Error   *amqp.Error   // likewise
}
