package devicefront

// For the tests of the parsers.
var (
	ParseUsername = parseUsername
	ParseBag      = parseBag
	TelemetryBag  = telemetryBag
	Arguments     = arguments
)

// Idle is for the test of the keep-alive rules.
var Idle = idle

// For the tests of what AMQP spells.
var (
	ParseAudience = parseAudience
	CorrelationOf = correlationOf
	RequestOf     = requestOf
)

// Purpose says what an AMQP address is for.
func Purpose(address string) (deviceID, what string) {
	deviceID, to := parseAmqpAddress(address)
	for name, p := range purposes {
		if p == to {
			return deviceID, name
		}
	}
	return deviceID, ""
}
