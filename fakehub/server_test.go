package fakehub_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/fakehub"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/sas"
)

func TestHubsComeAndGoWhileOthersRun(t *testing.T) {
	l := newLab(t)
	first, second := l.hub(fakehub.HubSpec{}), l.hub(fakehub.HubSpec{})
	if first.Name() != "hub-1" || first.Host() != "hub-1.azure-devices.net" || second.Name() != "hub-2" || first.Address() != "127.0.0.1" {
		t.Errorf("%s at %s, %s", first.Host(), first.Address(), second.Name())
	}
	first.enroll("d1")
	second.enroll("d1")
	gone, stays := first.online(device{id: "d1"}), second.online(device{id: "d1"})
	if err := l.RemoveHub("HUB-1"); err != nil {
		t.Fatal(err)
	}
	gone.closed()
	stays.ping()
	if _, err := l.Hub("hub-1"); !errors.Is(err, fakehub.ErrNoHub) {
		t.Errorf("the removed hub: %v", err)
	}
	if err := l.RemoveHub("hub-1"); !errors.Is(err, fakehub.ErrNoHub) {
		t.Errorf("removed again: %v", err)
	}
	again := l.hub(fakehub.HubSpec{Name: "hub-1"})
	if status, _ := again.rest("GET", "/devices/d1", ""); status != 404 {
		t.Errorf("a hub made anew remembers: %d", status)
	}
	if n := len(l.Hubs()); n != 2 {
		t.Errorf("%d hubs", n)
	}
}

func TestHubNames(t *testing.T) {
	l := newLab(t)
	if h := l.hub(fakehub.HubSpec{Name: "Dpslab-4F2A-hub-1"}); h.Host() != "dpslab-4f2a-hub-1.azure-devices.net" {
		t.Errorf("host %s", h.Host())
	}
	if _, err := l.AddHub(fakehub.HubSpec{Name: "dpslab-4f2a-HUB-1"}); !errors.Is(err, fakehub.ErrHubExists) {
		t.Errorf("the name again: %v", err)
	}
	for _, name := range []string{"-a", "a-", "a.b", "a b", "ä", strings.Repeat("a", 51)} {
		if _, err := l.AddHub(fakehub.HubSpec{Name: name}); !errors.Is(err, fakehub.ErrHubName) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestAHubOfItsOwnAddress(t *testing.T) {
	l := newLab(t)
	shared := l.hub(fakehub.HubSpec{})
	chosen := l.hub(fakehub.HubSpec{OwnAddress: true})
	given := l.hub(fakehub.HubSpec{Address: "127.99.0.1"})
	if ip, err := netip.ParseAddr(chosen.Address()); err != nil || !ip.IsLoopback() || chosen.Address() == shared.Address() {
		t.Errorf("the chosen address is %s", chosen.Address())
	}
	if given.Address() != "127.99.0.1" {
		t.Errorf("the given address is %s", given.Address())
	}
	for _, h := range []*hub{shared, chosen, given} {
		h.enroll("d1")
		h.online(device{id: "d1"}).ping()
	}
	if _, err := l.AddHub(fakehub.HubSpec{Address: "127.99.0.1"}); err == nil || !strings.Contains(err.Error(), "127.99.0.1") {
		t.Errorf("the address again: %v", err)
	}
	if err := l.RemoveHub(given.Name()); err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", net.JoinHostPort("127.99.0.1", strconv.Itoa(l.door.Ports().MQTTS))); err == nil {
		conn.Close()
		t.Error("the removed hub's address still answers")
	}
}

func TestTheConnectionStringOpensTheServiceAPI(t *testing.T) {
	l := newLab(t)
	h := l.hub(fakehub.HubSpec{Key: bytes.Repeat([]byte("k"), 32), SecondaryKey: bytes.Repeat([]byte("m"), 32)})
	linked, err := sas.ParseConnectionString(h.ConnectionString())
	if err != nil || linked.HostName != h.Host() || linked.SharedAccessKeyName != "iothubowner" || !bytes.Equal(linked.SharedAccessKey, bytes.Repeat([]byte("k"), 32)) {
		t.Fatalf("%v, %v", linked, err)
	}
	h.must("GET", "/devices", "")
	other := l.hub(fakehub.HubSpec{})
	if strings.Contains(other.ConnectionString(), strings.Split(h.ConnectionString(), "SharedAccessKey=")[1]) {
		t.Error("two hubs have the same key")
	}
}

func TestAHubsClockIsItsOwn(t *testing.T) {
	l := newLab(t)
	moved, stands := l.hub(fakehub.HubSpec{}), l.hub(fakehub.HubSpec{})
	moved.Clock().Advance(time.Hour)
	if ahead := moved.Clock().Now().Sub(stands.Clock().Now()); ahead < 59*time.Minute {
		t.Errorf("it is %v ahead", ahead)
	}
}

func TestACertificateThatCannotBeMadeMakesNoHub(t *testing.T) {
	door, err := frontdoor.Listen(frontdoor.Options{AMQPSPort: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer door.Close(context.Background())
	s := fakehub.New(fakehub.Options{Door: door, Certificate: func(...string) (tls.Certificate, error) {
		return tls.Certificate{}, errors.New("the authority is away")
	}})
	if _, err := s.AddHub(fakehub.HubSpec{}); err == nil || !strings.Contains(err.Error(), "the authority is away") {
		t.Errorf("got %v", err)
	}
	if len(s.Hubs()) != 0 {
		t.Error("there is a hub")
	}
}
