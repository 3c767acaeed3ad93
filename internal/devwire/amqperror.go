package devwire

import (
	"fmt"

	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/dpslab/dpslab/internal/transcript"
)

// AMQPError is the reason that a server gave for ending a link, a session or the
// connection (device-api.md 3.2, iot-hub.md 2.7).
type AMQPError struct {
	By                     string // the performative: detach, end or close
	Condition, Description string
	Document               *ErrorDocument // of the description; nil when that is none
}

func newAMQPError(by string, e *amqpframe.Described) *AMQPError {
	return makeAMQPError(by, e.Text("condition"), e.Text("description"))
}

func makeAMQPError(by, condition, description string) *AMQPError {
	e := &AMQPError{By: by, Condition: condition, Description: description}
	if document, err := parseErrorDocument([]byte(description)); err == nil {
		e.Document = document
	}
	return e
}

func (e *AMQPError) Error() string {
	text := fmt.Sprintf("the server sent %s with %s", e.By, e.Condition)
	if e.Description != "" {
		text += ": " + transcript.RedactText(e.Description)
	}
	return text
}

// Code is the status that the error stands for: errorCode/1000 of its document, or what
// the condition alone says; 0 when that says nothing.
func (e *AMQPError) Code() int {
	if e.Document != nil && e.Document.ErrorCode >= 1000 {
		return e.Document.ErrorCode / 1000
	}
	return amqpConditions[e.Condition]
}

// amqpConditions are the error conditions with the status that each stands for
// (device-api.md 3.5, iot-hub.md 2.7, 7.1).
var amqpConditions = map[string]int{
	"com.microsoft:argument-error":             400,
	"amqp:unauthorized-access":                 401,
	"amqp:resource-limit-exceeded":             403,
	"amqp:not-found":                           404,
	"com.microsoft:precondition-failed":        409,
	"com.microsoft:device-container-throttled": 429,
	"amqp:internal-error":                      500,
}

// SASLRefused is a server that does not let a client in by SASL: it does not offer the
// mechanism, or its outcome is not 0.
type SASLRefused struct {
	Mechanism string
	Offered   []string // nil when the mechanism is among what is offered
	Code      byte     // of the outcome; 0 when it did not come to one
}

func (r *SASLRefused) Error() string {
	if r.Code == 0 {
		return fmt.Sprintf("the server does not offer sasl %s, it offers %q", r.Mechanism, r.Offered)
	}
	meaning := map[byte]string{1: "auth", 2: "sys", 3: "sys-perm", 4: "sys-temp"}[r.Code]
	if meaning == "" {
		meaning = "a code that AMQP does not know"
	}
	return fmt.Sprintf("the server refused sasl %s with code %d, %s", r.Mechanism, r.Code, meaning)
}
