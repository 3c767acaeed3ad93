package amqpfront

// ParseAddress shows what an address names.
func ParseAddress(s string) (scope, registrationID string, ok bool) {
	a, ok := parseAddress(s)
	return a.scope, a.registrationID, ok
}

var (
	Split       = split
	Condition   = condition
	Description = description
)

const MaxDescription = maxDescription
