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
