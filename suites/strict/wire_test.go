package strict_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/strict"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// at is a device of a server of the test's, over TLS.
func at(t *testing.T, handler http.HandlerFunc) strict.Device {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	_, text, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	d := device()
	d.Wire = &devwire.Wire{Roots: x509.NewCertPool()}
	d.Wire.Roots.AddCert(server.Certificate())
	d.Endpoint = devwire.Endpoint{Host: "example.com", Address: "127.0.0.1", HTTPSPort: port}
	return d
}

func TestRegisterOverHTTPS(t *testing.T) {
	for _, sdk := range strict.Over(dps.HTTPS) {
		d := at(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Retry-After", "0")
			if r.Method == http.MethodPut {
				w.WriteHeader(http.StatusAccepted)
				w.Write(assigning)
				return
			}
			w.Write(assigned)
		})
		heard := 0
		d.Heard = func(strict.Answer) { heard++ }
		if got, err := sdk.Register(t.Context(), dps.HTTPS, d); err != nil || got.Status != "assigned" || heard != 2 {
			t.Errorf("%s: %+v, %v, heard of %d answers", sdk.Name, got, err, heard)
		}
	}
}

func TestRegisterOverWebSocket(t *testing.T) {
	for _, c := range []struct {
		rule, echo string // "": the subprotocol as it was offered
		sdk        strict.SDK
		wants      string // requirement of the complaint; "": none
	}{
		{"echoed", "", strict.CSharp, ""},
		{"echoed", "", strict.Java, ""},
		{"echoed in capitals", "", strict.C, ""},
		{"echoed in another case", "mqtt", strict.C, "DPS-WS-003"},
		{"refused", "refused", strict.Node, "DPS-MQTT-059"},
	} {
		t.Run(c.sdk.Name+": "+c.rule, func(t *testing.T) {
			var paths sync.Map
			d := at(t, func(w http.ResponseWriter, r *http.Request) {
				paths.Store(r.URL.Path, true)
				if c.echo == "refused" {
					http.NotFound(w, r)
					return
				}
				if c.echo != "" {
					w = respelling{w, c.echo}
				}
				serveMQTT(w, r)
			})
			got, err := c.sdk.Register(t.Context(), dps.MQTTWebSocket, d)
			path, _ := c.sdk.WebSocket()
			if _, asked := paths.Load(path); !asked {
				t.Errorf("nothing was asked at %s", path)
			}
			if c.wants == "" {
				if err != nil || got.Status != "assigned" {
					t.Errorf("%+v, %v", got, err)
				}
				return
			}
			if got := complaint(t, err); got.Requirement != c.wants {
				t.Errorf("%v", got)
			}
		})
	}
}

// respelling answers an upgrade with another spelling of the subprotocol.
type respelling struct {
	http.ResponseWriter
	subprotocol string
}

func (r respelling) WriteHeader(code int) {
	r.Header().Set("Sec-WebSocket-Protocol", r.subprotocol)
	r.ResponseWriter.WriteHeader(code)
}

func (r respelling) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// device-api.md 6: two of the SDKs pin TLS 1.2, over every transport.
func TestTheNewestTLSIsTheSDKs(t *testing.T) {
	for _, sdk := range strict.All {
		for _, over := range sdk.Transports {
			if over == dps.MQTT || over == dps.AMQP {
				continue // dialled as over WebSocket
			}
			versions := make(chan uint16, 1)
			d := at(t, func(w http.ResponseWriter, r *http.Request) {
				versions <- r.TLS.Version
				http.NotFound(w, r)
			})
			_, _ = sdk.Register(t.Context(), over, d)
			want := uint16(tls.VersionTLS13)
			if sdk.Name == strict.Java.Name || sdk.Name == strict.Python.Name {
				want = tls.VersionTLS12
			}
			if got := <-versions; got != want {
				t.Errorf("%s over %s speaks %s", sdk.Name, over, tls.VersionName(got))
			}
		}
	}
}

// serveMQTT upgrades and answers as the dossier says.
func serveMQTT(w http.ResponseWriter, r *http.Request) {
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"mqtt"}})
	if err != nil {
		return
	}
	stream := websocket.NetConn(r.Context(), ws, websocket.MessageBinary)
	defer stream.Close()
	answer := service(assigned)
	for {
		cp, err := packets.ReadPacket(stream)
		if err != nil {
			return
		}
		for _, reply := range answer(cp) {
			if reply.Write(stream) != nil {
				return
			}
		}
	}
}

// A target that is not there is no complaint of an SDK.
func TestNobodyListens(t *testing.T) {
	d := at(t, http.NotFound)
	d.Endpoint.HTTPSPort = 1
	for _, over := range []dps.Transport{dps.HTTPS, dps.MQTTWebSocket, dps.AMQPWebSocket} {
		_, err := strict.CSharp.Register(t.Context(), over, d)
		if err == nil || errors.As(err, new(*strict.Complaint)) || strings.Contains(err.Error(), "sig=") {
			t.Errorf("over %s: %v", over, err)
		}
	}
}
