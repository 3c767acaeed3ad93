package frontdoor

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/transcript"
)

// arrival is a TCP connection from accept to its end. To crypto/tls it is the connection
// under the handshake, so that greet can tell which one a ClientHello came on.
type arrival struct {
	net.Conn // the same as raw
	raw      net.Conn
	door     *Door
	protocol protocol

	ctx    context.Context
	cancel context.CancelFunc

	// The host is known at accept when it owns the address, and from the ClientHello on
	// otherwise. These fields belong to the goroutine of the handshake until the
	// connection is handed over, and do not change after that.
	host   *hosted
	record *transcript.Conn
	opened *hosted // the host in whose log record is

	mu        sync.Mutex
	stream    *Conn // an MQTT or AMQP stream; nil for HTTP
	answering bool  // an HTTP request is being answered
	hijacked  bool
	leaving   bool
	cancelWeb context.CancelFunc
}

// accept takes connections from one listener until it is closed. A listener on a host's own
// address has an owner.
func (d *Door) accept(l net.Listener, p protocol, owner *hosted) {
	const shortest, longest = 5 * time.Millisecond, time.Second
	pause := shortest
	for {
		nc, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			// Out of descriptors, mostly: the ones in use come free in time.
			d.logger.Warn("accept failed", "port", p, "error", err)
			if clock.Wait(d.ctx, clock.System(), pause) != nil {
				return
			}
			pause = min(2*pause, longest)
			continue
		}
		pause = shortest
		a := &arrival{Conn: nc, raw: nc, door: d, protocol: p}
		a.ctx, a.cancel = context.WithCancel(d.ctx)
		if !d.lobby.enter(a) {
			a.cut()
			return
		}
		if h := cmp.Or(owner, d.owner(a.localIP())); h != nil && h.enter(a) {
			a.host = h
		} else if h != nil {
			d.lobby.leave(a)
			a.cut()
			continue
		}
		d.wg.Go(a.run)
	}
}

// run is an arrival's life, for HTTP until the web server has it.
func (a *arrival) run() {
	t, err := a.handshake()
	a.door.lobby.leave(a)
	if err != nil {
		a.door.logger.Debug("handshake failed", "port", a.protocol, "peer", a.raw.RemoteAddr(), "error", err)
		a.recordAt(a.host).Closed(err.Error())
		a.raw.Close()
		a.end()
		return
	}
	c := &Conn{Conn: a.record.Wrap(t), tls: t, arrival: a, record: a.record}
	if a.protocol == https {
		c.writeTimeout = a.door.timeouts.Write
		if !a.handOn(nil) || !a.door.web.take(c) {
			c.Close()
			a.end()
		}
		return
	}
	a.serve(c)
}

// serve is the life of a stream on the MQTTS or AMQPS port.
func (a *arrival) serve(c *Conn) {
	defer a.end()
	defer c.Close()
	serve := a.host.MQTT
	if a.protocol == amqps {
		serve = a.host.AMQP
	}
	if serve == nil {
		c.Because(fmt.Sprintf("%s does not speak on the %s port", a.host.name, a.protocol))
		return
	}
	if a.handOn(c) {
		serve(withConn(a.ctx, c), c)
	}
}

// errAlert makes crypto/tls answer a ClientHello with a fatal alert (internal_error).
var errAlert = errors.New("a fault answers the ClientHello with an alert")

// handshake passes the Accept point and does the TLS handshake.
func (a *arrival) handshake() (*tls.Conn, error) {
	// On a shared address the default host stands in until the ClientHello names one.
	if h := a.hostFor(""); h != nil {
		what := Acceptance{}
		Accept.Hit(a.ctx, h.Points, a.at(h, StepAccept, a), &what)
		a.door.lobby.waited(a)
		if what.Refuse {
			if tcp, ok := a.raw.(*net.TCPConn); ok {
				tcp.SetLinger(0) // a reset, which is as near to a refused connection as an accepted one can get
			}
			return nil, errors.New("reset at accept")
		}
	}
	t := tls.Server(a, a.door.greeting)
	if err := t.Handshake(); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("the client closed the connection")
		}
		return nil, fmt.Errorf("tls handshake failed: %w", err)
	}
	a.record.Note(describe(t.ConnectionState()))
	return t, nil
}

// nobody has no certificate, which crypto/tls answers with the alert unrecognized_name.
var nobody = &tls.Config{MinVersion: tls.VersionTLS12}

// greet answers a ClientHello with the configuration of the host it is for.
func (d *Door) greet(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	a := hello.Conn.(*arrival)
	d.lobby.spoke(a)
	h := a.hostFor(hello.ServerName)
	if h == nil || !h.enter(a) {
		return nobody, nil
	}
	a.host = h
	record := a.recordAt(h)
	bent := Hello{ServerName: hello.ServerName}
	var label point.Labeller
	if record != nil {
		label = record
	}
	ClientHello.Hit(a.ctx, h.Points, a.at(h, StepHello, label), &bent)
	d.lobby.waited(a)
	if bent.Alert {
		return nil, errAlert
	}
	return h.config(a.protocol, bent), nil
}

// recordAt returns the arrival's record in h's log, opened when there is none. A record
// that was opened at the default host is closed when the client turns out to want another.
func (a *arrival) recordAt(h *hosted) *transcript.Conn {
	if h == nil {
		h = a.hostFor("")
	}
	if h == nil || h == a.opened {
		return a.record
	}
	if a.opened != nil {
		a.record.Closed("the client asks for " + h.name)
	}
	a.opened = h
	a.record = h.Log.Open(transcript.Meta{
		Protocol: a.protocol.recorded(), Service: h.name,
		Listener: a.raw.LocalAddr().String(), Peer: a.raw.RemoteAddr().String(),
	})
	return a.record
}

// Injected labels what acted at accept, before the arrival has a record.
func (a *arrival) Injected(id, what string) { a.recordAt(nil).Injected(id, what) }

func (a *arrival) at(h *hosted, step string, label point.Labeller) point.At {
	return point.At{Service: h.name, Listener: a.localIP().String(), Step: step, Transcript: label}
}

// hostFor finds the host for a ClientHello that asks for name.
func (a *arrival) hostFor(name string) *hosted {
	if a.host != nil {
		return a.host
	}
	return a.door.named(name)
}

func (a *arrival) localIP() netip.Addr { return ipOf(a.raw.LocalAddr()) }

// handOn marks the end of the handshake, with the stream that the connection became, or
// nil for HTTP. It reports false when the connection has been asked to end meanwhile.
func (a *arrival) handOn(stream *Conn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stream = stream
	return !a.leaving
}

// askToEnd ends a stream and an HTTP connection between requests; one that is answering a
// request ends after the answer.
func (a *arrival) askToEnd() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.leaving = true
	switch {
	case a.stream != nil:
		a.cancel()
		a.stream.Because("the server is closing")
		go a.stream.Close() // run waits for it: closing is done once, and by everybody who asks
	case a.answering:
	default:
		a.cancel()
		a.raw.Close()
	}
}

// cut ends the connection as it stands.
func (a *arrival) cut() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.leaving = true
	a.cancel()
	if a.cancelWeb != nil {
		a.cancelWeb()
	}
	a.raw.Close()
}

// end takes the arrival out of its host's count; nothing of it runs any more.
func (a *arrival) end() {
	a.cancel()
	if a.host != nil {
		a.host.leave(a)
	}
}
