package devwire_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/internal/transcript"
)

func TestNamesOfTheCloudAreNotResolved(t *testing.T) {
	for _, name := range []string{
		"global.azure-devices-provisioning.net", "hub-a.azure-devices.net", "HUB-A.Azure-Devices.NET.",
		"global.azure-devices-provisioning.cn", "hub-a.azure-devices.us", "ns.servicebus.windows.net", "azure-devices.net",
	} {
		for _, ep := range []devwire.Endpoint{{Host: name, HTTPSPort: 443}, {Host: "lab", Address: name, HTTPSPort: 443}} {
			_, err := new(devwire.Wire).Dial(soon(t), ep, 443, devwire.DialOptions{})
			var notSent *devwire.NotSent
			if !errors.As(err, &notSent) || !strings.Contains(err.Error(), "real cloud") {
				t.Errorf("%+v: %v", ep, err)
			}
		}
	}
}

func TestDialRefusesAnEndpointWithoutPlace(t *testing.T) {
	for _, ep := range []devwire.Endpoint{{}, {Address: "127.0.0.1"}} {
		if _, err := new(devwire.Wire).Dial(soon(t), ep, ep.HTTPSPort, devwire.DialOptions{}); err == nil {
			t.Errorf("%+v was dialled", ep)
		}
	}
}

func TestDialAsksByNameAndVerifiesTheHost(t *testing.T) {
	lab := newLab(t)
	asked := make(chan string, 1)
	config := lab.tls()
	config.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		asked <- h.ServerName
		return nil, nil
	}
	port := lab.serve(t, config, func(c *tls.Conn) { io.Copy(io.Discard, c) })
	for name, tc := range map[string]struct {
		host    string
		options devwire.DialOptions
		sni     string
		refused bool
	}{
		"the host by default":                       {host: serviceHost, sni: serviceHost},
		"no sni, verified all the same":             {host: serviceHost, options: devwire.DialOptions{NoSNI: true}},
		"another sni, verified for the host":        {host: serviceHost, options: devwire.DialOptions{ServerName: "x.example"}, sni: "x.example"},
		"a host that the certificate lacks":         {host: "other.azure-devices.net", sni: "other.azure-devices.net", refused: true},
		"no sni, a host the certificate lacks":      {host: "other.azure-devices.net", options: devwire.DialOptions{NoSNI: true}, refused: true},
		"its sni, but a host the certificate lacks": {host: "other.azure-devices.net", options: devwire.DialOptions{ServerName: serviceHost}, sni: serviceHost, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := lab.wire().Dial(soon(t), endpoint(tc.host, port), port, tc.options)
			if got := <-asked; got != tc.sni {
				t.Errorf("asked for %q, want %q", got, tc.sni)
			}
			if (err != nil) != tc.refused {
				t.Fatalf("got %v", err)
			}
			if err == nil {
				conn.Close()
			}
		})
	}
}

func TestDialVerifiesAtTheWiresTime(t *testing.T) {
	lab := newLab(t)
	port := lab.serve(t, lab.tls(), func(c *tls.Conn) { io.Copy(io.Discard, c) })
	wire := lab.wire()
	wire.Clock.(*clock.Movable).Advance(pki.LeafLifetime + time.Hour)
	if _, err := wire.Dial(soon(t), endpoint(serviceHost, port), port, devwire.DialOptions{}); err == nil {
		t.Fatal("an expired certificate was taken")
	}
}

func TestDialOptionsReachTheHandshake(t *testing.T) {
	lab := newLab(t)
	presented := make(chan string, 1)
	port := lab.serve(t, lab.tls(), func(c *tls.Conn) { presented <- c.ConnectionState().PeerCertificates[0].Subject.CommonName })
	device, err := pki.SelfSigned("dev-01", pki.Options{Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := lab.wire().Dial(soon(t), endpoint(serviceHost, port), port, devwire.DialOptions{
		Certificate: &device, MaxVersion: tls.VersionTLS12, Curves: []tls.CurveID{tls.CurveP256}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := <-presented; got != "dev-01" {
		t.Errorf("presented %q", got)
	}
	if s := conn.State(); s.Version != tls.VersionTLS12 || s.CurveID != tls.CurveP256 {
		t.Errorf("version %x, curve %v", s.Version, s.CurveID)
	}
}

func TestConnectionsAreRecorded(t *testing.T) {
	lab := newLab(t)
	port := lab.serve(t, lab.tls(), func(c *tls.Conn) { io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n") })
	wire := lab.wire()
	conn, err := wire.Dial(soon(t), endpoint(serviceHost, port), port, devwire.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	io.ReadAll(conn)
	conn.Close()
	var told []string
	for _, e := range wire.Log.Events(transcript.Filter{Service: serviceHost}) {
		told = append(told, e.Kind+" "+e.Summary)
	}
	all := strings.Join(told, "\n")
	for _, want := range []string{"opened", "TLS 1.3", "204 No Content", "closed"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
}

// A foreign target is reached through the proxy of the environment, a lab never is.
func TestOnlyForeignTargetsGoThroughTheProxy(t *testing.T) {
	lab := newLab(t)
	port := lab.serve(t, lab.tls(), func(c *tls.Conn) { io.Copy(io.Discard, c) })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	t.Setenv("HTTPS_PROXY", "http://user:proxy-secret@"+listener.Addr().String())
	t.Setenv("https_proxy", "http://user:proxy-secret@"+listener.Addr().String())
	asked := make(chan *http.Request, 1)
	go func() {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		defer client.Close()
		request, err := http.ReadRequest(bufio.NewReader(client))
		if err != nil {
			return
		}
		asked <- request
		server, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", portText(port)))
		if err != nil {
			return
		}
		defer server.Close()
		io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
		go io.Copy(client, server)
		io.Copy(server, client)
	}()

	wire := lab.wire()
	wire.Foreign = true
	conn, err := wire.Dial(soon(t), devwire.Endpoint{Host: serviceHost, HTTPSPort: 443}, 443, devwire.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	request := <-asked
	if request.Method != http.MethodConnect || request.Host != serviceHost+":443" {
		t.Errorf("the proxy was asked for %s %s", request.Method, request.Host)
	}
	if request.Header.Get("Proxy-Authorization") == "" {
		t.Error("the proxy got no credentials")
	}
}

func TestProxyErrorsHoldNoPassword(t *testing.T) {
	for _, variable := range []string{"http://user:proxy-secret@127.0.0.1:1", "http://user:proxy-secret@ bad", "socks5://user:proxy-secret@127.0.0.1:1"} {
		t.Setenv("HTTPS_PROXY", variable)
		t.Setenv("https_proxy", variable)
		wire := &devwire.Wire{Foreign: true}
		_, err := wire.Dial(soon(t), devwire.Endpoint{Host: "dps.example", HTTPSPort: 443}, 443, devwire.DialOptions{})
		if err == nil || strings.Contains(err.Error(), "proxy-secret") {
			t.Errorf("%v", err)
		}
	}
}

func portText(port int) string { return strconv.Itoa(port) }

// httpproxy itself spares loopback, so this dials an address of no host (RFC 5737). The
// proxy of the environment counts, and TestMain fails for any connection to it.
func TestALabIsNeverReachedThroughTheProxy(t *testing.T) {
	wire := newLab(t).wire()
	wire.Timeouts.Dial = 50 * time.Millisecond
	ep := devwire.Endpoint{Host: serviceHost, Address: "192.0.2.1", HTTPSPort: 443}
	if conn, err := wire.Dial(soon(t), ep, 443, devwire.DialOptions{}); err == nil {
		conn.Close()
		t.Error("192.0.2.1 answered")
	}
	if n := proxied.Load(); n > 0 {
		t.Errorf("%d connections went to the proxy", n)
	}
}
