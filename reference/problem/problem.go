// Package problem holds the one error value that travels through the reference DPS. The
// core makes it, each front renders it once (device-api.md 1.6).
package problem

import (
	"errors"
	"fmt"
	"time"
)

// Error is a refusal in the service's own terms. Code is the six-digit error code; its
// first three digits are the class that HTTP, MQTT topics and AMQP conditions render.
type Error struct {
	Code       int
	Message    string
	RetryAfter time.Duration // zero: the answer says nothing about retrying
	Info       map[string]string
}

func (e *Error) Error() string { return fmt.Sprintf("%d %s", e.Code, e.Message) }

// Class is the HTTP status class of the code: 401 for 401002.
func (e *Error) Class() int { return e.Code / 1000 }

// As returns the service error in err, or an internal error for anything else. The text
// of a foreign error stays inside: it may speak of hosts and files.
func As(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return Internal()
}

// InvalidArgument refuses a body, id or member that is not valid. 400004 is captured on
// the service API (service-api.md 2.9); its reuse for other members is inferred.
func InvalidArgument(format string, a ...any) *Error {
	return &Error{Code: 400004, Message: fmt.Sprintf(format, a...)}
}

// UnsupportedAPIVersion refuses a missing or unknown api-version. The code is inferred.
func UnsupportedAPIVersion(version string) *Error {
	return &Error{Code: 400003, Message: fmt.Sprintf("API version %q is not supported.", version)}
}

// Unauthorized refuses a token, and says nothing about which part of it was wrong.
func Unauthorized() *Error { return &Error{Code: 401002, Message: "Unauthorized"} }

// InvalidCertificate refuses a certificate or chain.
func InvalidCertificate() *Error { return &Error{Code: 401002, Message: "Invalid certificate."} }

// ScopeNotFound answers an id scope that no service here has. The code is inferred.
func ScopeNotFound() *Error { return &Error{Code: 404001, Message: "ID scope not found."} }

// ResourceNotFound answers a path that names no operation. The code is inferred.
func ResourceNotFound() *Error { return &Error{Code: 404000, Message: "Resource not found."} }

// EnrollmentNotFound answers an unknown enrollment or enrollment group.
func EnrollmentNotFound() *Error { return &Error{Code: 404201, Message: "Enrollment not found."} }

// RegistrationNotFound answers a registration id that never registered.
func RegistrationNotFound() *Error {
	return &Error{Code: 404202, Message: "Registration not found."}
}

// OperationNotFound answers an operation id that is unknown, forgotten or another device's.
func OperationNotFound() *Error { return &Error{Code: 404203, Message: "Operation not found."} } // [DPS-ERR-007]

// MethodNotAllowed answers a verb that the path does not have. The detail is inferred.
func MethodNotAllowed() *Error { return &Error{Code: 405000, Message: "Method not allowed."} }

// AlreadyExists answers a PUT without If-Match on an existing id. The detail is inferred.
func AlreadyExists(what string) *Error {
	return &Error{Code: 409201, Message: what + " already exists."}
}

// ConcurrentRegistration answers a register while another of the same device is under way.
func ConcurrentRegistration() *Error { return &Error{Code: 409203, Message: "Precondition failed."} }

// PreconditionFailed answers an If-Match that does not match. The detail is inferred.
func PreconditionFailed() *Error { return &Error{Code: 412201, Message: "Precondition failed."} }

// TooLarge answers a message over the documented 96 KB. The code is inferred.
func TooLarge() *Error { return &Error{Code: 413000, Message: "Message is too large."} }

// UnsupportedMediaType answers a body that does not call itself JSON. The detail is inferred.
func UnsupportedMediaType() *Error {
	return &Error{Code: 415000, Message: "Content type must be application/json."}
}

// Throttled answers an operation over the tenant's rate.
func Throttled(retryAfter time.Duration) *Error {
	return &Error{Code: 429001, Message: "Operations are being throttled for this tenant.", RetryAfter: retryAfter}
}

// Internal answers a failure of the service itself. The detail is inferred.
func Internal() *Error { return &Error{Code: 500000, Message: "Internal error."} }

// Codes that a failed registration carries in its state, under a successful answer.
const (
	CodeCustomAllocation = 400207 // the webhook did not choose a hub
	CodeHubNotSpecified  = 400208 // no hub to assign to
	CodeHubUnauthorized  = 400209 // the hub refused the service's connection string
	CodeHubUnavailable   = 500208 // the hub did not answer; inferred
)
