package scenarios

// Version is the first line of a scenario file.
const Version = "scenario/v1"

// Scenario is a scenario file.
type Scenario struct {
	Dpslab string `yaml:"dpslab"`
	Name   string `yaml:"name"`
	Title  string `yaml:"title"` // one line, for lists
	Fleet  Fleet  `yaml:"fleet"`
	Load   Load   `yaml:"load"`
	// Deadline is when everything is switched off, from the beginning.
	Deadline Duration `yaml:"deadline"`
	Expect   Expect   `yaml:"expect"`

	digest string
}

// Fleet is who the devices are.
type Fleet struct {
	Devices int     `yaml:"devices"`
	Seed    string  `yaml:"seed,omitempty"`   // whoever knows it can be any of them; default: the name
	Prefix  string  `yaml:"prefix,omitempty"` // of registration ids; default: the name
	Mix     []Share `yaml:"mix"`
	Retry   Retry   `yaml:"retry"`
}

// Share is a part of the fleet, by weight.
type Share struct {
	Weight       int    `yaml:"weight"`
	Attestation  string `yaml:"attestation"` // symmetric-key-group, symmetric-key, x509-group, x509, tpm
	Transport    string `yaml:"transport"`   // https, mqtt, mqtt-ws, amqp, amqp-ws
	HubTransport string `yaml:"hub_transport,omitempty"`

	Telemetry  *Telemetry `yaml:"telemetry,omitempty"`
	Twin       bool       `yaml:"twin,omitempty"`
	Methods    bool       `yaml:"methods,omitempty"`
	Stay       Duration   `yaml:"stay,omitempty"`
	Reregister Duration   `yaml:"reregister,omitempty"`
	Reboot     Duration   `yaml:"reboot,omitempty"`
	Dark       Duration   `yaml:"dark,omitempty"`
	Rollover   Duration   `yaml:"rollover,omitempty"`
}

// Telemetry is what a device sends.
type Telemetry struct {
	Count    int      `yaml:"count,omitempty"`
	Interval Duration `yaml:"interval,omitempty"`
	Poisson  bool     `yaml:"poisson,omitempty"`
	MinBytes int      `yaml:"min_bytes,omitempty"`
	MaxBytes int      `yaml:"max_bytes,omitempty"`
}

// Retry is how devices go on after what may pass.
type Retry struct {
	Initial           Duration `yaml:"initial"`
	Factor            float64  `yaml:"factor"`
	Cap               Duration `yaml:"cap"`
	Jitter            float64  `yaml:"jitter"`
	HonoursRetryAfter bool     `yaml:"honours_retry_after"`
	GivesUpAfter      Duration `yaml:"gives_up_after"`
	ReprovisionsAfter int      `yaml:"reprovisions_after,omitempty"` // tries at the hub in vain
}

// Load is when devices are powered on: so many at a time, or in stages.
type Load struct {
	Closed int     `yaml:"closed,omitempty"`
	Stages []Stage `yaml:"stages,omitempty"`
	Most   int     `yaml:"most,omitempty"` // devices powered at once; default: all of them
}

// Stage is one of Constant, Poisson, Ramp and Burst.
type Stage struct {
	Constant Rate     `yaml:"constant,omitempty"`
	Poisson  Rate     `yaml:"poisson,omitempty"`
	Ramp     *Ramp    `yaml:"ramp,omitempty"`
	Burst    int      `yaml:"burst,omitempty"` // so many at once
	For      Duration `yaml:"for,omitempty"`   // default: until all devices are on
}

// Ramp goes from one rate to another in a straight line.
type Ramp struct {
	From Rate `yaml:"from"`
	To   Rate `yaml:"to"`
}

// Expect is what is expected. Invariants are expected always.
type Expect struct {
	AssignedWithin    []Within `yaml:"assigned_within,omitempty"`
	TelemetryWithin   []Within `yaml:"telemetry_within,omitempty"`
	Unprovisioned     *int     `yaml:"unprovisioned,omitempty"`       // devices at most
	AttemptsPerDevice *float64 `yaml:"attempts_per_device,omitempty"` // at most, on average
	RequestErrors     *float64 `yaml:"request_errors,omitempty"`      // at most, of all requests, 0 to 1
	RequestLatency    []Within `yaml:"request_latency,omitempty"`
}

// Within demands that a share of all is done in time.
type Within struct {
	Share float64  `yaml:"share"` // 0 to 1
	Time  Duration `yaml:"time"`
}
