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
	lab := up(t).open(t)
	s := &seam{running: lab, control: lab.control(t), key: make([]byte, 64)}
	s.name = defaultService(t, s.control)
	enrollGroup(t, lab.service(t), "g", s.key)
	return s
}

func (s *seam) identity(id string) devwire.Identity {
	return devwire.Identity{Scope: s.target.DPS.IDScope, RegistrationID: id, Key: devwire.DeriveKey(s.key, id)}
}

// register registers a device over HTTPS without polling.
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
	return answer
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
