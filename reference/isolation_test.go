package reference_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference"
)

// Two services of one process share nothing, the same registration id in both included.
func TestServicesAreApart(t *testing.T) {
	l := newLab(t)
	hubA, hubB := l.hub("hub-a"), l.hub("hub-b")
	a, b := l.service(reference.ServiceSpec{Name: "dps-a"}, hubA), l.service(reference.ServiceSpec{Name: "dps-b"}, hubB)
	for _, s := range []*service{a, b} {
		s.enroll("dev-01")
	}
	if a.Scope() == b.Scope() || a.DeviceHost() == b.DeviceHost() || a.ConnectionString() == b.ConnectionString() {
		t.Fatalf("%s and %s have something in common", a.Name(), b.Name())
	}
	if got := state(a.provision("dev-01"), "assignedHub"); got != hubA.Host() {
		t.Errorf("at a it is assigned to %v", got)
	}
	if status, doc := b.operator("GET", "/registrations/dev-01", ""); status != 404 {
		t.Errorf("b knows of a's registration: %v", doc)
	}
	if got := state(b.provision("dev-01"), "assignedHub"); got != hubB.Host() {
		t.Errorf("at b it is assigned to %v", got)
	}

	a.enroll("only-a")
	if status, _ := b.operator("GET", "/enrollments/only-a", ""); status != 404 {
		t.Errorf("b answers for a's enrollment with %d", status)
	}
	if status, _, err := do(b.client, "GET", "https://"+b.ServiceHost()+"/enrollments/dev-01"+version, a.operatorToken(), ""); err != nil || status != 401 {
		t.Errorf("a's operator asks b: %d, %v", status, err)
	}
	if status, _, err := a.device(b.client, "PUT", b.DeviceHost(), "dev-01", "/register"); err != nil || status != 404 {
		t.Errorf("a's device asks b: %d, %v", status, err)
	}
}

func TestRemovingAServiceLeavesTheOther(t *testing.T) {
	l := newLab(t)
	hub := l.hub("hub-a")
	a, b := l.service(reference.ServiceSpec{Name: "dps-a"}, hub), l.service(reference.ServiceSpec{Name: "dps-b"}, hub)
	for _, s := range []*service{a, b} {
		s.enroll("dev-01")
		s.provision("dev-01")
	}
	if err := l.RemoveService(t.Context(), "DPS-A"); err != nil {
		t.Fatal(err)
	}
	if status, _, err := a.device(l.client(l.shared()), "PUT", a.DeviceHost(), "dev-01", "/register"); err == nil {
		t.Errorf("a still answers, with %d", status)
	}
	if status, _ := b.operator("GET", "/registrations/dev-01", ""); status != 200 {
		t.Errorf("b answers with %d", status)
	}
	b.provision("dev-01")
	if _, err := l.Service("dps-a"); !errors.Is(err, reference.ErrNoService) {
		t.Errorf("a can be found: %v", err)
	}
	if err := l.RemoveService(t.Context(), "dps-a"); !errors.Is(err, reference.ErrNoService) {
		t.Errorf("a can be removed again: %v", err)
	}
	if all := l.Services(); len(all) != 1 || all[0] != b.Service {
		t.Errorf("%d services are left", len(all))
	}
	again := l.service(reference.ServiceSpec{Name: "dps-a", Scope: a.Scope()}, hub) // the name is free, and what it had is gone
	if status, _ := again.operator("GET", "/enrollments/dev-01", ""); status != 404 {
		t.Errorf("a service of that name remembers: %d", status)
	}
}

func TestClocksAndDefectsAreAService(t *testing.T) {
	l := newLab(t)
	hub := l.hub("hub-a")
	a, b := l.service(reference.ServiceSpec{}, hub), l.service(reference.ServiceSpec{}, hub)
	token := map[*service]string{a: a.operatorToken(), b: b.operatorToken()}
	a.Clock().Advance(2 * time.Hour)
	for s, want := range map[*service]int{a: 401, b: 404} {
		if status, _, err := do(s.client, "GET", "https://"+s.ServiceHost()+"/enrollments/x"+version, token[s], ""); err != nil || status != want {
			t.Errorf("two hours later at a: %d, %v; want %d", status, err, want)
		}
	}
	entry, ok := reference.Defects.Find("missing-200")
	if !ok {
		t.Fatal("no such defect")
	}
	if _, err := a.Points().Arm(entry, point.Address{}, nil); err != nil {
		t.Fatal(err)
	}
	for s, want := range map[*service]int{a: 200, b: 404} {
		if status, _ := s.operator("GET", "/enrollments/x", ""); status != want {
			t.Errorf("with a defect armed at a: %d, want %d", status, want)
		}
	}
}

func TestAServiceOnItsOwnLoopbackAddress(t *testing.T) {
	l := newLab(t)
	hub := l.hub("hub-a")
	shared := l.service(reference.ServiceSpec{}, hub)
	own, err := l.AddService(reference.ServiceSpec{OwnAddress: true, Hubs: []reference.LinkedHub{{ConnectionString: hub.ConnectionString()}}})
	if err != nil {
		t.Skipf("loopback is 127.0.0.1 alone here: %v", err)
	}
	address, err := netip.ParseAddr(own.Address())
	if err != nil || !address.IsLoopback() || own.Address() == shared.Address() {
		t.Fatalf("its address is %q, %v", own.Address(), err)
	}
	s := &service{own, t, l.client(net.JoinHostPort(own.Address(), strconv.Itoa(l.door.Ports().HTTPS)))}
	s.enroll("dev-01")
	if got := state(s.provision("dev-01"), "assignedHub"); got != hub.Host() {
		t.Errorf("assigned to %v", got)
	}
	// Where one service has an address, nobody else answers there, and it answers nowhere else.
	if status, _, err := s.device(l.client(l.shared()), "PUT", own.DeviceHost(), "dev-01", "/register"); err == nil {
		t.Errorf("it answers at the shared address, with %d", status)
	}
	if status, _, err := shared.device(s.client, "PUT", shared.DeviceHost(), "dev-01", "/register"); err == nil {
		t.Errorf("another's host answers at its address, with %d", status)
	}
}

func TestTheGlobalHostServesTheDevicesOfEveryScope(t *testing.T) {
	l := newLab(t)
	hub := l.hub("hub-a")
	global := l.service(reference.ServiceSpec{Name: "dps-global", Global: true}, hub)
	other := l.service(reference.ServiceSpec{Name: "dps-other"}, hub)
	if global.DeviceHost() != "global.azure-devices-provisioning.net" || global.ServiceHost() != "dps-global.azure-devices-provisioning.net" {
		t.Errorf("hosts %s and %s", global.DeviceHost(), global.ServiceHost())
	}
	other.enroll("dev-01")
	if status, doc, err := other.device(global.client, "PUT", global.DeviceHost(), "dev-01", "/register"); err != nil || status != 202 {
		t.Errorf("at the global host: %d %v, %v", status, doc, err)
	}
	if status, _, err := global.device(other.client, "PUT", other.DeviceHost(), "dev-01", "/register"); err != nil || status != 404 {
		t.Errorf("at another's host: %d, %v", status, err)
	}
}

func TestClosingTheServerEndsEveryService(t *testing.T) {
	l := newLab(t)
	a := l.service(reference.ServiceSpec{}, l.hub("hub-a"))
	if err := l.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if all := l.Services(); len(all) != 0 {
		t.Errorf("%d services are left", len(all))
	}
	if _, _, err := a.device(l.client(l.shared()), "PUT", a.DeviceHost(), "dev-01", "/register"); err == nil {
		t.Error("it still answers")
	}
}
