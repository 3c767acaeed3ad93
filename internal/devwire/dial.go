package devwire

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/transcript"
)

// Conn is a TLS connection whose bytes are recorded.
type Conn struct {
	net.Conn // reads and writes inside TLS
	tls      *tls.Conn
	record   *transcript.Conn
	closed   sync.Once
}

// State is what the handshake agreed on.
func (c *Conn) State() tls.ConnectionState { return c.tls.ConnectionState() }

// Transcript is the connection's recording, usable when nil.
func (c *Conn) Transcript() *transcript.Conn { return c.record }

// Close closes the connection and ends its recording. A second call does nothing.
func (c *Conn) Close() (err error) {
	c.closed.Do(func() {
		err = c.Conn.Close()
		c.record.Closed("closed by the client")
	})
	return err
}

// Dial connects to a port of ep and completes the TLS handshake. What the recording is
// decoded as follows from the port.
func (w *Wire) Dial(ctx context.Context, ep Endpoint, port int, o DialOptions) (*Conn, error) {
	protocol := transcript.HTTP
	switch port {
	case ep.HTTPSPort:
	case ep.MQTTSPort:
		protocol = transcript.MQTT
	case ep.AMQPSPort:
		protocol = transcript.AMQP
	}
	return w.dial(ctx, ep, port, protocol, o)
}

func (w *Wire) dial(ctx context.Context, ep Endpoint, port int, p transcript.Protocol, o DialOptions) (*Conn, error) {
	target, err := w.target(ep, port)
	if err != nil {
		return nil, err
	}
	ctx, cancel := within(ctx, w.timeouts().Dial)
	defer cancel()
	raw, err := w.connect(ctx, target, ep.From)
	if err != nil {
		return nil, fmt.Errorf("connect to %s for %s: %w", target, ep.Host, err)
	}
	record := w.Log.Open(transcript.Meta{
		Protocol: p, Service: ep.Host, Listener: target, Peer: raw.LocalAddr().String(),
	})
	inner := tls.Client(raw, w.tlsConfig(ep, p, o))
	if err := inner.HandshakeContext(ctx); err != nil {
		raw.Close()
		record.Closed("tls handshake: " + err.Error())
		return nil, fmt.Errorf("tls handshake with %s for %s: %w", target, ep.Host, err)
	}
	record.Note(describe(inner.ConnectionState()))
	return &Conn{Conn: record.Wrap(inner), tls: inner, record: record}, nil
}

// connect opens the bare connection.
func (w *Wire) connect(ctx context.Context, target string, from netip.Addr) (net.Conn, error) {
	if w.Foreign {
		return connectByProxy(ctx, target)
	}
	var d net.Dialer
	if from.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
	}
	return d.DialContext(ctx, "tcp", target)
}

func (w *Wire) tlsConfig(ep Endpoint, p transcript.Protocol, o DialOptions) *tls.Config {
	c := &tls.Config{
		RootCAs:          w.Roots,
		ServerName:       ep.Host,
		MinVersion:       cmp.Or(o.MinVersion, tls.VersionTLS12),
		MaxVersion:       o.MaxVersion,
		CipherSuites:     o.CipherSuites,
		CurvePreferences: o.Curves,
		Time:             w.clock().Now,
	}
	if p == transcript.HTTP {
		c.NextProtos = []string{"http/1.1"}
	}
	if o.Certificate != nil {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return o.Certificate, nil }
	}
	if !o.NoSNI && o.ServerName == "" {
		return c
	}
	// crypto/tls verifies for the name it sends. Where those two differ, it is told to
	// leave verification to us.
	c.ServerName = o.ServerName
	if o.NoSNI {
		c.ServerName = ""
	}
	c.InsecureSkipVerify = true
	c.VerifyConnection = func(s tls.ConnectionState) error {
		between := x509.NewCertPool()
		for _, cert := range s.PeerCertificates[1:] {
			between.AddCert(cert)
		}
		_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{
			Roots: w.Roots, Intermediates: between, DNSName: ep.Host, CurrentTime: w.clock().Now(),
		})
		return err
	}
	return c
}

// describe tells a handshake for the transcript.
func describe(s tls.ConnectionState) string {
	parts := []string{tls.VersionName(s.Version), tls.CipherSuiteName(s.CipherSuite)}
	if s.ServerName != "" {
		parts = append(parts, "sni "+s.ServerName)
	}
	if s.NegotiatedProtocol != "" {
		parts = append(parts, "alpn "+s.NegotiatedProtocol)
	}
	if len(s.PeerCertificates) > 0 {
		parts = append(parts, "certificate "+s.PeerCertificates[0].Subject.String())
	}
	return strings.Join(parts, ", ")
}

// within bounds a wait on a socket by the machine's clock.
func within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithDeadline(ctx, clock.SocketDeadline(d))
}
