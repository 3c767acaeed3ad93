package frontdoor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/transcript"
)

// Conn is an accepted connection after its TLS handshake, and after the WebSocket upgrade
// where there was one. What passes over it is recorded. A Conn made of a bare net.Conn, as
// in a test over a pipe, is one without TLS, host and record.
type Conn struct {
	net.Conn
	tls          *tls.Conn
	arrival      *arrival
	record       *transcript.Conn
	webSocket    bool
	writeTimeout time.Duration // per write; 0: the owner sets deadlines

	why      atomic.Pointer[string]
	closing  sync.Once
	closeErr error
}

// PeerCertificates are the client's certificates, leaf first and unverified.
func (c *Conn) PeerCertificates() []*x509.Certificate { return c.TLS().PeerCertificates }

// TLS is the state after the handshake.
func (c *Conn) TLS() tls.ConnectionState {
	if c.tls == nil {
		return tls.ConnectionState{}
	}
	return c.tls.ConnectionState()
}

// ClientIP is where the client is; invalid when it did not come over TCP.
func (c *Conn) ClientIP() netip.Addr {
	if c.arrival != nil { // a WebSocket stream does not know
		return ipOf(c.arrival.raw.RemoteAddr())
	}
	return ipOf(c.Conn.RemoteAddr())
}

// WebSocket reports whether the stream came by a WebSocket upgrade.
func (c *Conn) WebSocket() bool { return c.webSocket }

// Transcript is the connection's record; nil, which is usable, when nothing is recorded.
func (c *Conn) Transcript() *transcript.Conn { return c.record }

// At describes the connection to a point.
func (c *Conn) At(step string) point.At {
	at := point.At{Step: step}
	if ip := ipOf(c.Conn.LocalAddr()); ip.IsValid() {
		at.Listener = ip.String()
	}
	if c.arrival != nil {
		at.Service = c.arrival.host.name
	}
	if c.record != nil { // a nil *transcript.Conn in the interface would not be nil
		at.Transcript = c.record
	}
	return at
}

// Because says why the connection is about to end, for the transcript. The first reason
// counts. It must hold no secret.
func (c *Conn) Because(why string) { c.why.CompareAndSwap(nil, &why) }

func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if errors.Is(err, io.EOF) {
		c.Because("the client closed the connection")
	}
	return n, err
}

func (c *Conn) Write(p []byte) (int, error) {
	if c.writeTimeout > 0 {
		c.Conn.SetWriteDeadline(clock.SocketDeadline(c.writeTimeout))
	}
	return c.Conn.Write(p)
}

// Close closes the connection once; everybody who calls it waits until that is done.
func (c *Conn) Close() error {
	c.closing.Do(func() {
		c.Because("the server closed the connection")
		c.record.Closed(*c.why.Load())
		c.closeErr = c.Conn.Close()
	})
	return c.closeErr
}

type connKey struct{}

func withConn(ctx context.Context, c *Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// FromContext is the connection that an HTTP request or a stream came on; nil when ctx is
// not from here.
func FromContext(ctx context.Context) *Conn {
	c, _ := ctx.Value(connKey{}).(*Conn)
	return c
}

// ipOf is the IP address of one end of a TCP connection; invalid for another kind.
func ipOf(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return tcp.AddrPort().Addr().Unmap()
}

// describe puts the facts of a handshake on one line.
func describe(s tls.ConnectionState) string {
	text := fmt.Sprintf("%s, %s, server name %q", tls.VersionName(s.Version), tls.CipherSuiteName(s.CipherSuite), s.ServerName)
	if s.DidResume {
		text += ", resumed"
	}
	if len(s.PeerCertificates) == 0 {
		return text + ", no client certificate"
	}
	return text + fmt.Sprintf(", client certificate %q", s.PeerCertificates[0].Subject)
}
