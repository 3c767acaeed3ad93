package device_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/simulator/device"
	"github.com/dpslab/dpslab/simulator/identity"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

const (
	serviceHost = "lab.azure-devices-provisioning.net"
	hubHost     = "hub-a.azure-devices.net"
)

// servers are a service that assigns at the first poll, and a hub that takes whatever a
// device publishes and tells its topic.
func servers(t *testing.T) (roots *x509.CertPool, service, hub devwire.Endpoint, heard chan string) {
	t.Helper()
	root, err := pki.NewRoot("root", pki.Options{Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := root.Server([]string{serviceHost, hubHost}, nil, pki.Options{Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, Time: func() time.Time { return noon }}
	roots = x509.NewCertPool()
	roots.AddCert(root.Certificate)

	https := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusAccepted)
			io.WriteString(w, `{"operationId":"op","status":"assigning"}`)
			return
		}
		fmt.Fprintf(w, `{"operationId":"op","status":"assigned","registrationState":
			{"registrationId":"dev-000000","status":"assigned","assignedHub":%q,"deviceId":"dev-000000"}}`, hubHost)
	}))
	https.TLS = config
	https.StartTLS()
	t.Cleanup(https.Close)

	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	heard = make(chan string, 16)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			c.SetDeadline(clock.SocketDeadline(10 * time.Second))
			serveHub(c, heard)
			c.Close()
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-ended
	})
	port := func(a net.Addr) int { return a.(*net.TCPAddr).Port }
	return roots, devwire.Endpoint{Host: serviceHost, Address: "127.0.0.1", HTTPSPort: port(https.Listener.Addr())},
		devwire.Endpoint{Host: hubHost, Address: "127.0.0.1", MQTTSPort: port(listener.Addr())}, heard
}

func serveHub(c net.Conn, heard chan<- string) {
	for {
		cp, err := packets.ReadPacket(c)
		if err != nil {
			return
		}
		switch p := cp.(type) {
		case *packets.ConnectPacket:
			token, _, _ := strings.Cut(string(p.Password), "&sig=")
			heard <- p.Username + " " + token
			packets.NewControlPacket(packets.Connack).Write(c)
		case *packets.SubscribePacket:
			ack := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
			ack.MessageID, ack.ReturnCodes = p.MessageID, []byte{1}
			ack.Write(c)
		case *packets.PublishPacket:
			heard <- p.TopicName
			ack := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
			ack.MessageID = p.MessageID
			ack.Write(c)
		case *packets.DisconnectPacket:
			heard <- "goodbye"
			return
		}
	}
}

func TestALifeOverTheWire(t *testing.T) {
	roots, service, hub, heard := servers(t)
	fleet := &identity.Fleet{Seed: "s", Scope: "0ne00DEMO01"}
	wire := &device.OverWire{
		Wire:      &devwire.Wire{Roots: roots, Clock: clock.Frozen(noon), Timeouts: devwire.Timeouts{Answer: 5 * time.Second}},
		Transport: dps.HTTPS, Endpoint: service, Identity: fleet.Device(0).ByKey(),
		HubEndpoint: func(host string) (devwire.Endpoint, error) {
			if host != hubHost {
				return devwire.Endpoint{}, fmt.Errorf("no hub %s", host)
			}
			return hub, nil
		},
	}
	outcome := device.New(wire, clock.System(), device.Plan{Telemetry: 1}, nil).Run(context.Background())
	if outcome.Err != nil || outcome.Sent != 1 || outcome.Hub != hubHost {
		t.Fatalf("%+v", outcome)
	}
	for _, want := range []string{
		hubHost + "/dev-000000/?api-version=2021-04-12 SharedAccessSignature sr=hub-a.azure-devices.net%2Fdevices%2Fdev-000000",
		"devices/dev-000000/messages/events/%24.ce=utf-8&%24.ct=application%2Fjson", "goodbye",
	} {
		if got := <-heard; got != want {
			t.Errorf("the hub heard %q, want %q", got, want)
		}
	}
}

func TestAHubThatNobodyKnowsEndsThePlan(t *testing.T) {
	roots, service, _, _ := servers(t)
	none := errors.New("no such hub")
	wire := &device.OverWire{
		Wire: &devwire.Wire{Roots: roots, Clock: clock.Frozen(noon)}, Transport: dps.HTTPS, Endpoint: service,
		Identity:    (&identity.Fleet{Seed: "s", Scope: "0ne00DEMO01"}).Device(0).ByKey(),
		HubEndpoint: func(string) (devwire.Endpoint, error) { return devwire.Endpoint{}, none },
	}
	outcome := device.New(wire, clock.System(), device.Plan{}, nil).Run(context.Background())
	if !errors.Is(outcome.Err, none) || !strings.Contains(outcome.Err.Error(), hubHost) {
		t.Errorf("%v", outcome.Err)
	}
}

func TestAMistakeInTheSetUpEndsThePlan(t *testing.T) {
	for name, wire := range map[string]*device.OverWire{
		"no scope":            {Transport: dps.HTTPS, Endpoint: devwire.Endpoint{Host: serviceHost, Address: "127.0.0.1", HTTPSPort: 1}},
		"no port":             {Transport: dps.MQTT, Endpoint: devwire.Endpoint{Host: serviceHost, Address: "127.0.0.1"}},
		"a name of the cloud": {Transport: dps.HTTPS, Endpoint: devwire.Endpoint{Host: serviceHost, HTTPSPort: 443}, Identity: devwire.Identity{Scope: "s", RegistrationID: "d"}},
		"no transport":        {},
	} {
		wire.Wire = new(devwire.Wire)
		var notSent *devwire.NotSent
		if outcome := device.New(wire, clock.System(), device.Plan{}, nil).Run(context.Background()); !errors.As(outcome.Err, &notSent) {
			t.Errorf("%s: %v", name, outcome.Err)
		}
	}
}

func TestAServerThatCannotBeTrustedEndsThePlan(t *testing.T) {
	_, service, _, _ := servers(t)
	for _, over := range []dps.Transport{dps.HTTPS, dps.MQTT} {
		service.MQTTSPort = service.HTTPSPort
		wire := &device.OverWire{
			Wire: &devwire.Wire{Roots: x509.NewCertPool(), Clock: clock.Frozen(noon)}, Transport: over, Endpoint: service,
			Identity: (&identity.Fleet{Seed: "s", Scope: "0ne00DEMO01"}).Device(0).ByKey(),
		}
		outcome := device.New(wire, clock.System(), device.Plan{}, nil).Run(context.Background())
		var untrusted *tls.CertificateVerificationError
		if !errors.As(outcome.Err, &untrusted) {
			t.Errorf("over %s: %v", over, outcome.Err)
		}
	}
}
