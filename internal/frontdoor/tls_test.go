package frontdoor_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/transcript"
)

func TestAClientCertificateIsAskedForAndNeverJudged(t *testing.T) {
	d := open(t, frontdoor.Options{})
	h := host(t, hubName)
	h.MQTT = func(_ context.Context, c *frontdoor.Conn) {
		names := []string{}
		for _, certificate := range c.PeerCertificates() {
			names = append(names, certificate.Subject.CommonName)
		}
		fmt.Fprintln(c, names)
	}
	add(t, d, h)

	ca := root()
	chained, err := ca.Device("chained", pkiOptions())
	if err != nil {
		t.Fatal(err)
	}
	expired := pkiOptions()
	expired.Now = expired.Now.AddDate(-3, 0, 0)
	old, err := ca.Device("expired", expired)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		rule, want string
		offered    []tls.Certificate
	}{
		{"none", "[]", nil},
		{"one that nobody signed", "[self-signed]", []tls.Certificate{deviceCertificate(t, "self-signed")}},
		{"one of a CA that nobody knows here", "[chained]", []tls.Certificate{chained}},
		{"an expired one", "[expired]", []tls.Certificate{old}},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(c.rule+" over "+tls.VersionName(version), func(t *testing.T) {
				config := client(hubName)
				config.Certificates = c.offered
				config.MinVersion, config.MaxVersion = version, version
				if got, _ := line(t, "127.0.0.1", d.Ports().MQTTS, config); got != c.want {
					t.Errorf("the server sees %s", got)
				}
			})
		}
	}
}

func TestVersionsAndCipherSuites(t *testing.T) {
	d := open(t, frontdoor.Options{})
	ecdsa, rsa := host(t, hubName), host(t, dpsName)
	rsa.Certificate = serverCertificate(t, true, dpsName)
	add(t, d, ecdsa)
	add(t, d, rsa)
	for _, suite := range []struct {
		id   uint16
		name string
	}{
		{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, hubName},
		{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, hubName},
		{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, hubName},
		{tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, hubName},
		{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, dpsName},
		{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, dpsName},
		{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, dpsName},
		{tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, dpsName},
	} {
		t.Run("TLS 1.2 with "+tls.CipherSuiteName(suite.id), func(t *testing.T) {
			config := client(suite.name)
			config.MaxVersion = tls.VersionTLS12
			config.CipherSuites = []uint16{suite.id}
			conn, err := dial(t, "127.0.0.1", d.Ports().MQTTS, config)
			if err != nil {
				t.Fatal(err)
			}
			if got := conn.ConnectionState().CipherSuite; got != suite.id {
				t.Errorf("chose %s", tls.CipherSuiteName(got))
			}
		})
	}
	t.Run("TLS 1.3", func(t *testing.T) {
		config := client(hubName)
		config.MinVersion = tls.VersionTLS13
		if _, err := dial(t, "127.0.0.1", d.Ports().MQTTS, config); err != nil {
			t.Error(err)
		}
	})
	t.Run("TLS 1.1 is refused", func(t *testing.T) {
		config := client(hubName)
		config.MinVersion, config.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		if _, err := dial(t, "127.0.0.1", d.Ports().MQTTS, config); err == nil {
			t.Error("connected")
		}
	})
	t.Run("an undocumented suite is refused", func(t *testing.T) {
		config := client(dpsName)
		config.MaxVersion = tls.VersionTLS12
		config.CipherSuites = []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
		if _, err := dial(t, "127.0.0.1", d.Ports().MQTTS, config); err == nil {
			t.Error("connected")
		}
	})
}

func TestALPN(t *testing.T) {
	d := open(t, frontdoor.Options{})
	add(t, d, host(t, hubName))
	p := d.Ports()
	for _, c := range []struct {
		rule   string
		port   int
		offer  []string
		chosen string
	}{
		{"http/1.1 on the HTTPS port", p.HTTPS, []string{"h2", "http/1.1"}, "http/1.1"},
		{"none on the HTTPS port", p.HTTPS, nil, ""},
		{"mqtt on the MQTTS port is not minded", p.MQTTS, []string{"mqtt"}, ""},
		{"http/1.1 on the AMQPS port is not minded", p.AMQPS, []string{"http/1.1"}, ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			config := client(hubName)
			config.NextProtos = c.offer
			conn, err := dial(t, "127.0.0.1", c.port, config)
			if err != nil {
				t.Fatal(err)
			}
			if got := conn.ConnectionState().NegotiatedProtocol; got != c.chosen {
				t.Errorf("negotiated %q", got)
			}
		})
	}
}

func TestSessionTickets(t *testing.T) {
	now := clock.NewMovable(clock.System())
	d := open(t, frontdoor.Options{})
	dps, hub := host(t, dpsName), host(t, hubName)
	dps.Clock = now
	// With one certificate for both names, only the ticket keys tell the hosts apart.
	dps.Certificate = serverCertificate(t, false, dpsName, hubName)
	hub.Certificate = dps.Certificate
	add(t, d, dps)
	add(t, d, hub)

	tickets := &sharedCache{ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	resumed := func(name string) bool {
		config := client(name)
		config.ClientSessionCache = tickets
		_, conn := line(t, "127.0.0.1", d.Ports().MQTTS, config) // the line is read so that the ticket before it is
		return conn.ConnectionState().DidResume
	}
	if resumed(dpsName) {
		t.Fatal("resumed without a ticket")
	}
	if !resumed(dpsName) {
		t.Error("a host does not take its own ticket")
	}
	if resumed(hubName) {
		t.Error("a host takes the ticket of another")
	}
	resumed(dpsName)
	now.Advance(8 * 24 * time.Hour)
	if resumed(dpsName) {
		t.Error("a ticket lives on after eight days of the host's clock")
	}
}

// sharedCache presents any ticket to any server, as a client that ignores names would.
type sharedCache struct{ tls.ClientSessionCache }

func (s *sharedCache) Get(string) (*tls.ClientSessionState, bool) {
	return s.ClientSessionCache.Get("any")
}

func (s *sharedCache) Put(_ string, c *tls.ClientSessionState) {
	s.ClientSessionCache.Put("any", c)
}

func TestTheTranscriptTellsTheHandshake(t *testing.T) {
	d := open(t, frontdoor.Options{})
	h := add(t, d, host(t, hubName))
	h.Service = ""
	config := client(hubName)
	config.Certificates = []tls.Certificate{deviceCertificate(t, "dev-01")}
	config.MaxVersion = tls.VersionTLS12
	config.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
	_, conn := line(t, "127.0.0.1", d.Ports().MQTTS, config)
	conn.Close()
	note := told(t, h.Log, transcript.KindNote, "TLS 1.2")
	for _, fact := range []string{"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", `server name "` + hubName, "dev-01"} {
		if !strings.Contains(note.Summary, fact) {
			t.Errorf("the note lacks %s: %s", fact, note.Summary)
		}
	}
	if note.Protocol != transcript.MQTT || note.Service != hubName || !strings.HasPrefix(note.Listener, "127.0.0.1:") {
		t.Errorf("the record is of %+v", note)
	}
	told(t, h.Log, transcript.KindClosed, "the client closed the connection")

	if _, err := dial(t, "127.0.0.1", d.Ports().HTTPS, &tls.Config{ServerName: hubName}); err == nil {
		t.Fatal("a client without the root trusts the server")
	}
	failed := told(t, h.Log, transcript.KindClosed, "tls handshake failed")
	if failed.Protocol != transcript.HTTP || !strings.Contains(failed.Summary, "bad certificate") {
		t.Errorf("the failure is told as %+v", failed)
	}
	ended := 0
	for _, e := range h.Log.Events(transcript.Filter{}) {
		if e.Conn == failed.Conn && slices.Contains([]string{transcript.KindNote, transcript.KindClosed}, e.Kind) {
			ended++
		}
	}
	if ended != 1 {
		t.Errorf("a failed handshake left %d notes", ended)
	}
}
