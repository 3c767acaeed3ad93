// Package handout is what others need to know of a running lab: the DPSLAB_… variables and
// the target file.
//
// It knows both halves, a lab and what client programs read of one. Only programs that
// put both together import it: cmd/dpslab and dpslabtest.
package handout

import (
	"strconv"
	"strings"

	"github.com/dpslab/dpslab/internal/lab"
	"github.com/dpslab/dpslab/suites/sut"
)

// Variable is one of the environment's.
type Variable struct{ Name, Value string }

// Variables are the keys of the env file, whose names others call. caFile is where the
// lab's root certificate was written.
func Variables(l *lab.Lab, caFile string) []Variable {
	p := l.Door.Ports()
	vars := []Variable{}
	if s := l.Service; s != nil {
		vars = append(vars,
			Variable{"DPSLAB_DPS_HOST", s.DeviceHost()}, Variable{"DPSLAB_SERVICE_HOST", s.ServiceHost()},
			Variable{"DPSLAB_ID_SCOPE", s.Scope()}, Variable{"DPSLAB_SERVICE_CONNECTION_STRING", s.ConnectionString()})
	}
	vars = append(vars, Variable{"DPSLAB_CA_FILE", caFile},
		Variable{"DPSLAB_HTTPS_PORT", strconv.Itoa(p.HTTPS)}, Variable{"DPSLAB_MQTTS_PORT", strconv.Itoa(p.MQTTS)},
		Variable{"DPSLAB_AMQPS_PORT", strconv.Itoa(p.AMQPS)})
	hubs := l.Hubs.Hubs()
	vars = append(vars, Variable{"DPSLAB_HUB_COUNT", strconv.Itoa(len(hubs))})
	for i, h := range hubs {
		prefix := "DPSLAB_HUB_" + strconv.Itoa(i+1)
		vars = append(vars, Variable{prefix + "_HOST", h.Host()}, Variable{prefix + "_CONNECTION_STRING", h.ConnectionString()})
	}
	return append(vars, Variable{"DPSLAB_CONTROL_URL", l.ControlURL()}, Variable{"DPSLAB_CONTROL_TOKEN", l.Token()},
		Variable{"DPSLAB_HOSTS", strings.Join(l.Hosts(), " ")}, Variable{"DPSLAB_ADDRESS", Dialled(l.Door.Addresses()[0])})
}

// Dialled is what clients of this machine dial: a lab that listens everywhere is on loopback too.
func Dialled(address string) string {
	switch address {
	case "0.0.0.0":
		return "127.0.0.1"
	case "::":
		return "::1"
	}
	return address
}

// Target is the lab as a target file describes it.
func Target(l *lab.Lab, caFile string) sut.Target {
	p := l.Door.Ports()
	ports := sut.Ports{HTTPS: p.HTTPS, MQTTS: p.MQTTS, AMQPS: p.AMQPS}
	t := sut.Target{CAFile: caFile, Control: &sut.Control{URL: l.ControlURL(), Token: sut.Secret(l.Token())}}
	if s := l.Service; s != nil {
		t.DPS = sut.DPS{
			Host: s.DeviceHost(), ServiceHost: s.ServiceHost(), IDScope: s.Scope(), Address: Dialled(s.Address()), Ports: ports,
			ServiceConnectionString: sut.Secret(s.ConnectionString()),
		}
	}
	for _, h := range l.Hubs.Hubs() {
		t.Hubs = append(t.Hubs, sut.Hub{Host: h.Host(), Address: Dialled(h.Address()), Ports: ports, ConnectionString: sut.Secret(h.ConnectionString())})
	}
	return t
}
