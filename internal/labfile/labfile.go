// Package labfile reads lab/v1 files, which say what a lab is made of: its service and its
// hubs. A scenario's lab has the same fields.
package labfile

// Version is the first line of a lab file.
const Version = "lab/v1"

// Lab is what a lab is made of. What is left out is as in a lab without a file.
type Lab struct {
	Service Service `yaml:"service,omitempty"`
	Hubs    Hubs    `yaml:"hubs,omitempty"` // nil: not said
}

// Service is the provisioning service.
type Service struct {
	Name             string    `yaml:"name,omitempty"`
	IDScope          string    `yaml:"id_scope,omitempty"`
	AllocationPolicy string    `yaml:"allocation_policy,omitempty"` // hashed, geoLatency or static
	RetryAfter       *Seconds  `yaml:"retry_after,omitempty"`
	Limits           *Limits   `yaml:"limits,omitempty"`
	NaiveREST        *bool     `yaml:"naive_rest,omitempty"`
	Latencies        Latencies `yaml:"latencies,omitempty"`
	Policies         []Policy  `yaml:"policies,omitempty"`
}

// Limits are what clients are held to. 0 is none.
type Limits struct {
	RegistrationsPerMinute int `yaml:"registrations_per_minute,omitempty"`
	OperationsPerMinute    int `yaml:"operations_per_minute,omitempty"` // of the service API
	PollsPer10Seconds      int `yaml:"polls_per_10_seconds,omitempty"`  // of each device
}

// Latencies are milliseconds by network (CIDR) and hub: a name of this file, or a host name.
type Latencies map[string]map[string]float64

// Policy is a shared access policy beside provisioningserviceowner. Its keys are base64.
type Policy struct {
	Name         string   `yaml:"name"`
	Rights       []string `yaml:"rights"` // words of Rights
	PrimaryKey   string   `yaml:"primary_key"`
	SecondaryKey string   `yaml:"secondary_key"`
}

// Rights are those of shared access policies that operations ask for.
var Rights = []string{"EnrollmentRead", "EnrollmentWrite", "RegistrationStatusRead", "RegistrationStatusWrite"}

// Hubs are those linked to the service, first to last. In a file it is a list of entries,
// or their number.
type Hubs []Hub

// Hub is a hub, or several alike.
type Hub struct {
	Count   *int   `yaml:"count,omitempty"`   // default: 1
	Name    string `yaml:"name,omitempty"`    // before its domain; default: the state's
	Weight  *int   `yaml:"weight,omitempty"`  // for the policy hashed, 1 to 1000; default: 1
	Applies *bool  `yaml:"applies,omitempty"` // whether it takes part in allocation; default: true
}

// UnmarshalYAML takes a number for so many hubs.
func (h *Hubs) UnmarshalYAML(decode func(any) error) error {
	var n int
	if decode(&n) == nil {
		*h = Hubs{}
		if n != 0 {
			*h = Hubs{{Count: &n}}
		}
		return nil
	}
	list := []Hub{}
	if err := decode(&list); err != nil {
		return err
	}
	*h = list
	return nil
}

// Each lists the hubs one by one.
func (h Hubs) Each() []Hub {
	var list []Hub
	for _, entry := range h {
		for range entry.count() {
			list = append(list, entry)
		}
	}
	return list
}

func (h Hub) count() int {
	if h.Count == nil {
		return 1
	}
	return *h.Count
}
