package devicefront

// For the tests of the parsers.
var (
	ParseUsername = parseUsername
	ParseBag      = parseBag
	TelemetryBag  = telemetryBag
	Arguments     = arguments
)
