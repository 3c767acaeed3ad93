package reference_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/reference"
)

func TestSpecsThatMakeNoService(t *testing.T) {
	l := newLab(t)
	hub := l.hub("hub-a")
	l.service(reference.ServiceSpec{Name: "taken", Scope: "0ne00TAKEN1"}, hub)
	linked := func(change func(*reference.LinkedHub)) reference.ServiceSpec {
		h := reference.LinkedHub{ConnectionString: hub.ConnectionString()}
		change(&h)
		return reference.ServiceSpec{Name: "free", Hubs: []reference.LinkedHub{h}}
	}
	for _, c := range []struct {
		rule string
		spec reference.ServiceSpec
		says string
	}{
		{"a name of two letters", reference.ServiceSpec{Name: "ab"}, "3 to 50"},
		{"a name with a dot", reference.ServiceSpec{Name: "a.b.c"}, "3 to 50"},
		{"a name with a hyphen at its end", reference.ServiceSpec{Name: "abc-"}, "hyphen"},
		{"a name that is taken", reference.ServiceSpec{Name: "Taken"}, "taken"},
		{"a scope that is taken", reference.ServiceSpec{Name: "free", Scope: "0NE00taken1"}, "belongs to taken"},
		{"a scope with a slash", reference.ServiceSpec{Name: "free", Scope: "a/b"}, "id scope"},
		{"a pause into the past", reference.ServiceSpec{Name: "free", RetryAfter: -1}, "past"},
		{"a connection string that is none", linked(func(h *reference.LinkedHub) { h.ConnectionString = "HostName=x" }), "SharedAccessKeyName"},
		{"a weight above a thousand", linked(func(h *reference.LinkedHub) { h.Weight = 1001 }), "1 to 1000"},
		{"a weight below nothing", linked(func(h *reference.LinkedHub) { h.Weight = -1 }), "1 to 1000"},
		{"a hub's address without a port", linked(func(h *reference.LinkedHub) { h.Address = "10.0.0.1" }), "host:port"},
		{"an address that is none", reference.ServiceSpec{Name: "free", Address: "here"}, "here"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			_, err := l.AddService(c.spec)
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v; want an error that says %q", err, c.says)
			}
			if len(l.Services()) != 1 {
				t.Fatal("something was made")
			}
		})
	}
	l.service(reference.ServiceSpec{Name: "free"}, hub) // nothing of the refused ones is left
}

func TestAServiceOfTheZeroSpecIsComplete(t *testing.T) {
	l := newLab(t)
	one, two := l.service(reference.ServiceSpec{}), l.service(reference.ServiceSpec{})
	if one.Name() == two.Name() || one.Scope() == two.Scope() || !strings.HasPrefix(one.Scope(), "0ne") {
		t.Errorf("%s of %s and %s of %s", one.Name(), one.Scope(), two.Name(), two.Scope())
	}
	one.enroll("dev-01")
	if doc := one.provision("dev-01"); doc["status"] != "failed" || state(doc, "errorCode") != float64(400208) {
		t.Errorf("without hubs a device ends as %v", doc)
	}
}

func TestLinkReplacesTheHubs(t *testing.T) {
	l := newLab(t)
	a, b := l.hub("hub-a"), l.hub("hub-b")
	s := l.service(reference.ServiceSpec{}, a)
	s.enroll("dev-01")
	if got := state(s.provision("dev-01"), "assignedHub"); got != a.Host() {
		t.Fatalf("assigned to %v", got)
	}
	if err := s.Link([]reference.LinkedHub{{ConnectionString: b.ConnectionString()}, {ConnectionString: a.ConnectionString(), Excluded: true}}); err != nil {
		t.Fatal(err)
	}
	if got := s.LinkedHubs(); !slices.Equal(got, []string{b.Host(), a.Host()}) {
		t.Errorf("linked are %q", got)
	}
	if doc := s.provision("dev-01"); state(doc, "assignedHub") != b.Host() || state(doc, "substatus") != "deviceDataMigrated" {
		t.Errorf("it ended as %v", doc)
	}
	if err := s.Link([]reference.LinkedHub{{ConnectionString: "none"}}); err == nil {
		t.Error("a connection string that is none was taken")
	}
	if got := s.LinkedHubs(); !slices.Equal(got, []string{b.Host(), a.Host()}) {
		t.Errorf("after a refused change linked are %q", got)
	}
}

// A hub in another container is not where its name says, from here.
func TestALinkedHubIsDialledWhereItsLinkSays(t *testing.T) {
	l := newLab(t)
	elsewhere, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { elsewhere.Close() })
	s := l.service(reference.ServiceSpec{})
	s.enroll("dev-01")
	if err := s.Link([]reference.LinkedHub{{ConnectionString: l.hub("hub-a").ConnectionString(), Address: elsewhere.Addr().String()}}); err != nil {
		t.Fatal(err)
	}
	if status, doc, err := s.device(s.client, "PUT", s.DeviceHost(), "dev-01", "/register"); err != nil || status != 202 {
		t.Fatalf("register: %d %v, %v", status, doc, err)
	}
	elsewhere.(*net.TCPListener).SetDeadline(clock.SocketDeadline(20 * time.Second))
	conn, err := elsewhere.Accept()
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	ended, cancel := context.WithCancel(t.Context())
	cancel() // what is under way is not worth waiting for
	if err := l.RemoveService(ended, s.Name()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Control asks for the links of a service while somebody replaces them.
func TestLinksMayBeReadWhileTheyAreReplaced(t *testing.T) {
	l := newLab(t)
	hub := l.hub("hub-a")
	s := l.service(reference.ServiceSpec{}, hub)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 20 {
				if err := s.Link([]reference.LinkedHub{{ConnectionString: hub.ConnectionString()}}); err != nil {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for range 20 {
				if got := fmt.Sprint(s.LinkedHubs()); got != "["+hub.Host()+"]" {
					t.Errorf("linked are %s", got)
				}
			}
		})
	}
	all.Wait()
}
