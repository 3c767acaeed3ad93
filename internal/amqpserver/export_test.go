package amqpserver

// Limits that tests count up to.
const (
	MaxTasks     = maxTasks
	MaxUnsettled = maxUnsettled
)
