package main

import (
	"testing"

	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
)

// seam is a lab with one group enrolled, and the control port to bend it by.
type seam struct {
	*running
	control *controlapi.Client
	name    string // of its service
	key     []byte // of the group
}

func newSeam(t *testing.T) *seam {
	t.Helper()
	return seamOf(t, up(t).open(t))
}

func seamOf(t *testing.T, lab *running) *seam {
	t.Helper()
	s := &seam{running: lab, control: lab.control(t), key: make([]byte, 64)}
	s.name = defaultService(t, s.control)
	enrollGroup(t, lab.service(t), "g", s.key)
	return s
}

func (s *seam) identity(id string) devwire.Identity {
	return devwire.Identity{Scope: s.target.DPS.IDScope, RegistrationID: id, Key: devwire.DeriveKey(s.key, id)}
}

// register registers a device over HTTPS, returns the first answer, and waits for the end.
func (s *seam) register(t *testing.T, id string) devwire.Answer {
	t.Helper()
	device, err := s.wire.Device(t.Context(), dps.HTTPS, s.target.Device(), s.identity(id))
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	answer, err := device.Register(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer.OperationID != "" {
		s.settle(t, id, answer.OperationID)
	}
	return answer
}

// settle waits until a registration is over, so that the next of the same device is not
// concurrent with it. It polls over MQTT, which no plan of these tests bends.
func (s *seam) settle(t *testing.T, id, operationID string) {
	t.Helper()
	device, err := s.wire.Device(t.Context(), dps.MQTT, s.target.Device(), s.identity(id))
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	for {
		answer, err := device.Poll(t.Context(), operationID)
		if err != nil {
			t.Fatal(err)
		}
		if answer.Status.Terminal() {
			return
		}
	}
}

// provision takes a device to its hub's name.
func (s *seam) provision(t *testing.T, over dps.Transport, id string) devwire.Answer {
	t.Helper()
	device, err := s.wire.Device(t.Context(), over, s.target.Device(), s.identity(id))
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	answer, err := s.wire.Provision(t.Context(), device, nil)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}
