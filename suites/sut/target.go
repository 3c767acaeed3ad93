// Package sut describes the system under test: the target file.
//
// A target file says where a provisioning service answers, which hubs it assigns to, and,
// when it is one of our labs, where its control port is. `dpslab up --target-file` writes
// one, and the same format describes any other target:
//
//	dpslab: target/v1
//	dps:
//	  host: global.azure-devices-provisioning.net        # SNI and HTTP Host
//	  service_host: dpslab-1a2b.azure-devices-provisioning.net
//	  id_scope: 0ne00DEMO01
//	  address: 127.0.0.1                                 # what is dialled
//	  ports: {https: 8443, mqtts: 8883, amqps: 5671}
//	  service_connection_string: HostName=…;SharedAccessKeyName=…;SharedAccessKey=${DPS_KEY}
//	ca_file: ca.pem
//	hubs:
//	  - host: dpslab-1a2b-hub-1.azure-devices.net
//	    connection_string: ${HUB_1}
//	control:
//	  url: https://127.0.0.1:9443
//	  token: ${DPSLAB_CONTROL_TOKEN}
//
// Secrets are ${ENV} references. A file that holds one literally must be readable by its
// owner alone.
//
// A lab of several processes has a control port for each: its hubs' stand with them.
//
// A target that is not a lab says more: what it can do (capabilities), how fast it may be
// asked (quotas), and, where it has no service API, how devices come to be enrolled
// (enrollments or hooks). target.schema.json tells every field; Schema is its text.
package sut

import (
	"crypto/x509"
	"fmt"
	"os"

	"github.com/dpslab/dpslab/internal/devwire"
)

// Version is the first line of a target file.
const Version = "target/v1"

// Target is a system under test.
type Target struct {
	Dpslab string `yaml:"dpslab"`
	DPS    DPS    `yaml:"dps"`
	// CAFile holds the PEM certificates that server chains must lead to; empty for the
	// machine's own list. A relative path is relative to the target file.
	CAFile  string   `yaml:"ca_file,omitempty"`
	Hubs    []Hub    `yaml:"hubs,omitempty"`    // linked to the service
	Control *Control `yaml:"control,omitempty"` // nil for a target that is not our lab
	// Containers are what a lab of containers is made of; nil for any other target.
	Containers *Containers `yaml:"containers,omitempty"`
	// Foreign says that the target is not ours: its names are resolved, a proxy is used,
	// and inferred clauses are observed instead of judged.
	Foreign bool `yaml:"foreign,omitempty"`

	Prefix       string       `yaml:"prefix,omitempty"`       // begins the name of whatever a run makes there; default dpslab-
	Capabilities Capabilities `yaml:"capabilities,omitempty"` // what the target claims to do
	Quotas       Quotas       `yaml:"quotas,omitempty"`       // how fast it may be asked
	VerifiedCA   *KeyPair     `yaml:"verified_ca,omitempty"`  // whose devices the service believes; needed where it verifies authorities
	Enrollments  []Enrollment `yaml:"enrollments,omitempty"`  // ready-made, for a target without a service API
	Hooks        Hooks        `yaml:"hooks,omitempty"`        // that enroll, for a target without a service API

	File string `yaml:"-"` // where it was read from
}

// DPS is where the provisioning service answers.
type DPS struct {
	Host                    string `yaml:"host"`                   // of the device API
	ServiceHost             string `yaml:"service_host,omitempty"` // of the service API; empty for that of the connection string
	IDScope                 string `yaml:"id_scope"`
	Address                 string `yaml:"address,omitempty"` // dialled; only a foreign target may leave it out
	Ports                   Ports  `yaml:"ports,omitempty"`
	ServiceConnectionString Secret `yaml:"service_connection_string,omitempty"`
}

// Hub is a hub that the service assigns devices to.
type Hub struct {
	Host             string `yaml:"host"`
	Address          string `yaml:"address,omitempty"` // empty for that of the service
	Ports            Ports  `yaml:"ports,omitempty"`   // zero for those of the service
	ConnectionString Secret `yaml:"connection_string,omitempty"`
	// Inside is the "host:port" where the service reaches the hub; empty where that is what
	// clients dial, or the hub's name.
	Inside  string   `yaml:"inside,omitempty"`
	Control *Control `yaml:"control,omitempty"` // of the hub's own process; nil: the lab's
}

// Control is the control port of a lab.
type Control struct {
	URL     string `yaml:"url"`
	Address string `yaml:"address,omitempty"` // dialled instead of the URL's host, on the URL's port
	Token   Secret `yaml:"token"`
}

// Containers are what one more container of the same lab is made of.
type Containers struct {
	Run     string `yaml:"run"`     // labels everything that the lab consists of
	Network string `yaml:"network"` // name
	Image   string `yaml:"image"`
	State   string `yaml:"state"` // folder with the lab's authority, names and keys
}

// Ports of a host. HTTPS carries WebSockets too.
type Ports struct {
	HTTPS int `yaml:"https,omitempty"`
	MQTTS int `yaml:"mqtts,omitempty"`
	AMQPS int `yaml:"amqps,omitempty"`
}

// standardPorts are the ones that official SDKs dial.
var standardPorts = Ports{HTTPS: 443, MQTTS: 8883, AMQPS: 5671}

// Secret is text that is never shown.
type Secret string

// Reveal returns the text.
func (s Secret) Reveal() string { return string(s) }

func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "***"
}

// GoString hides it from %#v.
func (s Secret) GoString() string { return `"` + s.String() + `"` }

// MarshalJSON hides it from logs and reports. Marshal, which writes target files, does not
// use it.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(s.GoString()), nil }

// Device is where the device API answers.
func (t Target) Device() devwire.Endpoint { return endpoint(t.DPS.Host, t.DPS.Address, t.DPS.Ports) }

// Service is where the service API answers.
func (t Target) Service() devwire.Endpoint {
	return endpoint(t.DPS.ServiceHost, t.DPS.Address, t.DPS.Ports)
}

// Endpoint is where one of the target's hubs answers.
func (t Target) Endpoint(h Hub) devwire.Endpoint { return endpoint(h.Host, h.Address, h.Ports) }

func endpoint(host, address string, p Ports) devwire.Endpoint {
	return devwire.Endpoint{Host: host, Address: address, HTTPSPort: p.HTTPS, MQTTSPort: p.MQTTS, AMQPSPort: p.AMQPS}
}

// Roots reads CAFile. It returns nil, the machine's own list, when there is none.
func (t Target) Roots() (*x509.CertPool, error) {
	if t.CAFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(t.CAFile)
	if err != nil {
		return nil, fmt.Errorf("the target's ca_file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("the target's ca_file %s holds no PEM certificate", t.CAFile)
	}
	return pool, nil
}
