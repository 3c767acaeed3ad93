package controlserver

import (
	"time"

	"github.com/dpslab/dpslab/internal/point"
)

// The JSON of the control port. internal/controlapi writes it down once more.

// Info tells what runs here.
type Info struct {
	Version       string   `json:"version"`
	Roles         []string `json:"roles"` // "reference", "fakehub"
	Addresses     []string `json:"addresses"`
	Ports         Ports    `json:"ports"`
	CACertificate string   `json:"caCertificate"` // PEM
}

// Ports are the ports that devices and service clients use.
type Ports struct {
	HTTPS int `json:"https"`
	MQTTS int `json:"mqtts"`
	AMQPS int `json:"amqps"`
}

// Entry is a wrong behaviour that can be armed.
type Entry struct {
	ID      string   `json:"id"`
	Role    string   `json:"role"` // whose: "reference" or "fakehub"
	Summary string   `json:"summary"`
	Catches []string `json:"catches"` // requirement ids
	Params  []string `json:"params"`
}

// Entries describes a catalogue.
func Entries(role string, c point.Catalogue) []Entry {
	list := make([]Entry, 0, len(c))
	for _, e := range c {
		list = append(list, Entry{ID: e.ID, Role: role, Summary: e.Summary, Catches: notNil(e.Catches), Params: notNil(e.Params)})
	}
	return list
}

// LinkedHub links a hub to a service. Absent members have the service's defaults.
type LinkedHub struct {
	ConnectionString      string `json:"connectionString"`
	Address               string `json:"address,omitempty"` // host:port that is dialled; absent: what the lab knows of the name
	AllocationWeight      *int   `json:"allocationWeight,omitempty"`
	ApplyAllocationPolicy *bool  `json:"applyAllocationPolicy,omitempty"`
}

// ServiceSpec asks for a service.
type ServiceSpec struct {
	Name              string         `json:"name,omitempty"`
	OwnAddress        bool           `json:"ownAddress,omitempty"`
	AllocationPolicy  string         `json:"allocationPolicy,omitempty"` // "hashed", "geoLatency", "static"
	LinkedHubs        []LinkedHub    `json:"linkedHubs,omitempty"`
	Latencies         Latencies      `json:"latencies,omitempty"`
	Policies          []AccessPolicy `json:"policies,omitempty"`
	RetryAfterSeconds *int           `json:"retryAfterSeconds,omitempty"`
	NaiveREST         *bool          `json:"naiveRest,omitempty"`
	Limits            *Limits        `json:"limits,omitempty"`
	Defects           []string       `json:"defects,omitempty"`
}

// AccessPolicy is a shared access policy beside the owner's. Its rights are words with
// commas between, as in "EnrollmentRead,EnrollmentWrite"; its keys are base64.
type AccessPolicy struct {
	Name         string `json:"name"`
	PrimaryKey   []byte `json:"primaryKey"`
	SecondaryKey []byte `json:"secondaryKey"`
	Rights       string `json:"rights"`
}

// Latencies are milliseconds by network (CIDR) and host name of a hub.
type Latencies map[string]map[string]float64

// Limits are those of a service; 0 is none.
type Limits struct {
	RegistrationsPerMinute int `json:"registrationsPerMinute,omitempty"`
	OperationsPerMinute    int `json:"operationsPerMinute,omitempty"`
	PollsPerTenSeconds     int `json:"pollsPerTenSeconds,omitempty"` // of each device
}

// Service describes a service. Its connection string has the key.
type Service struct {
	Name              string    `json:"name"`
	IDScope           string    `json:"idScope"`
	DeviceHost        string    `json:"deviceHost"`
	ServiceHost       string    `json:"serviceHost"`
	Address           string    `json:"address"` // IP
	Ports             Ports     `json:"ports"`
	ConnectionString  string    `json:"connectionString"`
	LinkedHubs        []string  `json:"linkedHubs"` // host names
	RetryAfterSeconds int       `json:"retryAfterSeconds"`
	Limits            Limits    `json:"limits"`
	Latencies         Latencies `json:"latencies,omitempty"`
}

// HubSpec asks for a hub.
type HubSpec struct {
	Name       string   `json:"name,omitempty"`
	OwnAddress bool     `json:"ownAddress,omitempty"`
	Defects    []string `json:"defects,omitempty"`
}

// Hub describes a hub. Its connection string has the key.
type Hub struct {
	Name             string `json:"name"`
	Host             string `json:"host"`
	Address          string `json:"address"` // IP
	Ports            Ports  `json:"ports"`
	ConnectionString string `json:"connectionString"`
}

// Address narrows what an armed entry acts on.
type Address struct {
	Registration string `json:"registration,omitempty"`
	Listener     string `json:"listener,omitempty"`
	Step         string `json:"step,omitempty"`
	Nth          int    `json:"nth,omitempty"`
	Seed         uint64 `json:"seed,omitempty"`
}

// Arm asks that an entry act.
type Arm struct {
	Entry   string            `json:"entry"`
	Address Address           `json:"address"`
	Args    map[string]string `json:"args,omitempty"`
}

// Armed describes an entry that is armed and how often it acted.
type Armed struct {
	Handle  string            `json:"handle"`
	Entry   string            `json:"entry"`
	Address Address           `json:"address"`
	Args    map[string]string `json:"args,omitempty"`
	Fired   int               `json:"fired"`
}

// Advance asks that a clock be moved ahead. 0 only reads it.
type Advance struct {
	Seconds float64 `json:"advanceSeconds"`
}

// Now is what a clock shows.
type Now struct {
	Now time.Time `json:"now"`
}

// Telemetry is a message that a hub accepted.
type Telemetry struct {
	Seq              uint64             `json:"seq"`
	DeviceID         string             `json:"deviceId"`
	EnqueuedTime     time.Time          `json:"enqueuedTime"`
	Body             []byte             `json:"body"` // base64
	Properties       map[string]*string `json:"properties"`
	SystemProperties map[string]string  `json:"systemProperties"`
}

func notNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
