// Package huberror is the hub's own vocabulary of errors: a name and six digits, of
// which the first three are the HTTP status (iot-hub.md 7.2). Every part of the hub
// fails with these; each front renders them once.
package huberror

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// Code is one documented error.
type Code struct {
	Name   string
	Number int
}

// Status is the HTTP status, and the status in an MQTT response topic.
func (c Code) Status() int { return c.Number / 1000 }

// The codes that this hub answers.
var (
	GenericBadRequest          = Code{"GenericBadRequest", 400000}
	InvalidProtocolVersion     = Code{"InvalidProtocolVersion", 400001}
	ArgumentInvalid            = Code{"ArgumentInvalid", 400004}
	ArgumentNull               = Code{"ArgumentNull", 400005}
	FormatError                = Code{"IotHubFormatError", 400006}
	DeviceDefinedMultipleTimes = Code{"DeviceDefinedMultipleTimes", 400011}
	UnauthorizedAccess         = Code{"IotHubUnauthorizedAccess", 401002}
	GenericNotFound            = Code{"GenericNotFound", 404000}
	DeviceNotFound             = Code{"DeviceNotFound", 404001}
	DeviceNotOnline            = Code{"DeviceNotOnline", 404103}
	MethodNotAllowed           = Code{"GenericMethodNotAllowed", 405000}
	DeviceAlreadyExists        = Code{"DeviceAlreadyExists", 409001}
	PreconditionFailed         = Code{"PreconditionFailed", 412001}
	MessageTooLarge            = Code{"MessageTooLarge", 413001}
	TooManyDevices             = Code{"TooManyDevices", 413002}
	ServerError                = Code{"ServerError", 500001}
	// GatewayTimeout is a 504 whose last digits the error table does not list.
	GatewayTimeout = Code{"GatewayTimeout", 504101}
)

// Error is a refusal with its code. Its message holds no secret and fits on one line.
type Error struct {
	Code
	Message string
}

func (e *Error) Error() string { return e.Name + ": " + e.Message }

// New returns an *Error of code c.
func New(c Code, format string, a ...any) error {
	return &Error{Code: c, Message: fmt.Sprintf(format, a...)}
}

// From returns the *Error in err's chain. Any other error is a ServerError whose text
// stays inside the hub.
func From(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: ServerError, Message: "the hub could not do that"}
}

// Is reports whether err is an Error of code c.
func Is(err error, c Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == c
}

// TrackingID makes the id under which a hub would find a refusal again: 32 hexadecimal
// digits, a gateway, and the time (iot-hub.md 1.8).
func TrackingID(now time.Time) string {
	var random [16]byte
	rand.Read(random[:]) // never fails
	return hex.EncodeToString(random[:]) + "-G:0-TimeStamp:" + now.UTC().Format("01/02/2006 15:04:05")
}
