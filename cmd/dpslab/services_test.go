package main

import (
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
)

func TestServicesAreIsolated(t *testing.T) {
	t.Parallel()
	s := newSeam(t)
	hub, err := s.control.CreateHub(t.Context(), controlapi.HubSpec{OwnAddress: true})
	if err != nil {
		t.Fatal(err)
	}
	zero := 0
	made, err := s.control.CreateService(t.Context(), controlapi.ServiceSpec{
		OwnAddress: true, RetryAfterSeconds: &zero, LinkedHubs: []controlapi.LinkedHub{{ConnectionString: hub.ConnectionString}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if made.Address == "127.0.0.1" || hub.Address == "127.0.0.1" || hub.Address == made.Address || made.IDScope == s.target.DPS.IDScope {
		t.Fatalf("service %v %s, hub %v", made, made.IDScope, hub)
	}
	at := devwire.Endpoint{Host: made.DeviceHost, Address: made.Address, HTTPSPort: made.Ports.HTTPS, MQTTSPort: made.Ports.MQTTS}
	administer := at
	administer.Host = made.ServiceHost
	client, err := s.wire.Service(administer, made.ConnectionString)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	enrollGroup(t, client, "g", s.key)

	// Its devices are its own: same id, same key, another scope.
	theirs := devwire.Identity{Scope: made.IDScope, RegistrationID: "dev-01", Key: devwire.DeriveKey(s.key, "dev-01")}
	device, err := s.wire.Device(t.Context(), dps.MQTT, at, theirs)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.wire.Provision(t.Context(), device, nil)
	if err != nil || answer.Status != dps.StatusAssigned || answer.State.AssignedHub != hub.Host {
		t.Errorf("%v %v", err, answer)
	}
	if found, err := s.service(t).GetRegistration(t.Context(), "dev-01"); err != nil || found.Status != 404 {
		t.Errorf("the first service knows it: %v %v", err, found)
	}
	if code := s.registerAt(t, at, s.identity("dev-01")); code != 404 && code != 401 {
		t.Errorf("the other's scope is answered with %d", code)
	}
	// Its clock and its defects are its own.
	if _, err := s.control.AdvanceService(t.Context(), made.Name, 48*time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := s.control.ArmService(t.Context(), made.Name, controlapi.Plan{Entry: "https-register-200"}); err != nil {
		t.Fatal(err)
	}
	if answer := s.register(t, "dev-01"); answer.Code != 202 {
		t.Errorf("the first service bends with the second: %v", answer)
	}
	// When it is removed, its address is silent and its connections are cut.
	lost := device.(*devwire.MQTTDevice).Lost()
	if err := s.control.DeleteService(t.Context(), made.Name); err != nil {
		t.Fatal(err)
	}
	select {
	case <-lost:
	case <-time.After(patience):
		t.Error("its devices stay connected")
	}
	device.Close()
	if c, err := s.wire.Dial(t.Context(), at, at.HTTPSPort, devwire.DialOptions{}); err == nil {
		c.Close()
		t.Error("its address still answers")
	}
	if _, err := s.control.Service(t.Context(), made.Name); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("%v", err)
	}
	if answer := s.register(t, "dev-01"); answer.Code != 202 {
		t.Errorf("the first service went with it: %v", answer)
	}
	if err := s.control.DeleteHub(t.Context(), hub.Name); err != nil {
		t.Error(err)
	}
}

func (s *seam) registerAt(t *testing.T, at devwire.Endpoint, id devwire.Identity) int {
	t.Helper()
	device, err := s.wire.Device(t.Context(), dps.HTTPS, at, id)
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	answer, err := device.Register(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return answer.Code
}
