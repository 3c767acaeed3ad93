package amqp

import "fmt"

// Conditions that the standard names (OASIS part 2, 2.8.15 to 2.8.18).
const (
	InternalError         Symbol = "amqp:internal-error"
	NotFound              Symbol = "amqp:not-found"
	UnauthorizedAccess    Symbol = "amqp:unauthorized-access"
	DecodeError           Symbol = "amqp:decode-error"
	ResourceLimitExceeded Symbol = "amqp:resource-limit-exceeded"
	NotAllowed            Symbol = "amqp:not-allowed"
	InvalidField          Symbol = "amqp:invalid-field"
	NotImplemented        Symbol = "amqp:not-implemented"
	ResourceLocked        Symbol = "amqp:resource-locked"
	PreconditionFailed    Symbol = "amqp:precondition-failed"
	ResourceDeleted       Symbol = "amqp:resource-deleted"
	IllegalState          Symbol = "amqp:illegal-state"

	ConnectionForced   Symbol = "amqp:connection:forced"
	FramingError       Symbol = "amqp:connection:framing-error"
	ConnectionRedirect Symbol = "amqp:connection:redirect"

	WindowViolation  Symbol = "amqp:session:window-violation"
	ErrantLink       Symbol = "amqp:session:errant-link"
	HandleInUse      Symbol = "amqp:session:handle-in-use"
	UnattachedHandle Symbol = "amqp:session:unattached-handle"

	DetachForced          Symbol = "amqp:link:detach-forced"
	TransferLimitExceeded Symbol = "amqp:link:transfer-limit-exceeded"
	MessageSizeExceeded   Symbol = "amqp:link:message-size-exceeded"
	LinkRedirect          Symbol = "amqp:link:redirect"
	Stolen                Symbol = "amqp:link:stolen"
)

// Error says why a connection was closed, a session ended, a link detached or a message
// rejected. It goes over the wire as it is, so it holds no secret.
type Error struct {
	Condition   Symbol
	Description string
	Info        Map // symbol keys
}

// Errorf is an error with a formatted description.
func Errorf(condition Symbol, format string, args ...any) *Error {
	return &Error{Condition: condition, Description: fmt.Sprintf(format, args...)}
}

func (e *Error) Error() string {
	if e.Description == "" {
		return string(e.Condition)
	}
	return string(e.Condition) + ": " + e.Description
}

func (*Error) code() uint64 { return 0x1d }

func (e *Error) fields(f *fields) {
	must(f, symbols, &e.Condition)
	field(f, texts, &e.Description, "")
	nilable(f, maps, &e.Info)
}

// malformed is what is wrong with bytes that were read.
func malformed(format string, args ...any) *Error { return Errorf(DecodeError, format, args...) }
