package suites

// RegisterChecks is Register with other checks than the suite's own.
var RegisterChecks = register
