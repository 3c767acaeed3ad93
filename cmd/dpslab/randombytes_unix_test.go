//go:build unix

package main

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
)

// Random strings on every port, bare, inside TLS and inside WebSockets, many of them with a
// beginning that is right: each ends its connection, the lab keeps nothing of them, and
// good devices register after them.
func TestAbuseByRandomBytes(t *testing.T) {
	t.Parallel()
	strings, seed := 200, *abuseSeed
	if *abuseFull {
		strings = 10_000
	}
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("%d strings a way, -abuse.seed %d", strings, seed)
	s := watchedSeam(t)
	for _, w := range ways {
		s.throw(t, w, seed+1, 20) // so that what is made once is there when it is counted
	}
	s.goodDevices(t, "before")
	before := s.holds(t)
	for _, w := range ways {
		s.throw(t, w, seed, strings)
	}
	s.goodDevices(t, "after")
	s.gaveBack(t, before)
}

var everyTransport = []dps.Transport{dps.HTTPS, dps.MQTT, dps.MQTTWebSocket, dps.AMQP, dps.AMQPWebSocket}

func (s *seam) goodDevices(t *testing.T, when string) {
	t.Helper()
	for _, over := range everyTransport {
		if answer := s.provision(t, over, when+"-"+over.String()); answer.Status != dps.StatusAssigned {
			t.Errorf("a good device over %s %s: %v", over, when, answer)
		}
	}
}

// way is how strings come to a decoder, and beginnings that it accepts.
type way struct {
	what       string
	connect    func(s *seam) (net.Conn, error)
	beginnings []string
}

var ways = []way{
	{"bare on the HTTPS port", (*seam).bareHTTPS, beginningsOfTLS},
	{"bare on the MQTTS port", (*seam).bareMQTTS, beginningsOfTLS},
	{"bare on the AMQPS port", (*seam).bareAMQPS, beginningsOfTLS},
	{"bare on the control port", (*seam).bareControl, beginningsOfTLS},
	{"requests to the service", inTLS((*seam).bareHTTPS), beginningsOfHTTP},
	{"requests to the control port", inTLS((*seam).bareControl), beginningsOfHTTP},
	{"MQTT", inTLS((*seam).bareMQTTS), beginningsOfMQTT},
	{"AMQP", inTLS((*seam).bareAMQPS), beginningsOfAMQP},
	{"WebSocket frames of MQTT", upgraded("mqtt"), beginningsOfFrames},
	{"WebSocket frames of AMQP", upgraded("AMQPWSB10"), beginningsOfFrames},
	{"MQTT in a WebSocket", framed(upgraded("mqtt")), beginningsOfMQTT},
	{"AMQP in a WebSocket", framed(upgraded("AMQPWSB10")), beginningsOfAMQP},
}

var (
	beginningsOfTLS  = []string{"\x16\x03\x01", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "\x80\x2e\x01", "GET / HTTP/1.1\r\n"}
	beginningsOfHTTP = []string{
		"GET ", "PUT /0ne00000000/registrations/x/register?api-version=2019-03-31 HTTP/1.1\r\nHost: x\r\n",
		"POST /enrollments/query?api-version=2021-10-01 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	}
	beginningsOfMQTT = []string{"\x10", "\x10\x40\x00\x04MQTT\x04", "\x10\x7f\x00\x04MQTT\x04\xc2\x00\x3c\x00\x06dev-01", "\x10\xff\xff\xff\x7f", "\x30\x10\x00\x04"}
	beginningsOfAMQP = []string{
		"AMQP", "AMQP\x03\x01\x00\x00", "AMQP\x00\x01\x00\x00",
		"AMQP\x03\x01\x00\x00\x00\x00\x00\x40\x02\x01\x00\x00\x00\x53\x41\xc0", "AMQP\x00\x01\x00\x00\x00\x00\x00\x40\x02\x00\x00\x00\x00\x53\x10\xd0",
	}
	beginningsOfFrames = []string{"\x82\x84\x00\x00\x00\x00AMQP", "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff", "\x89\x80\x00\x00\x00\x00", "\x88\x82\x00\x00\x00\x00\x03\xe8", "\x02\xfe", "\xf2\x84"}
)

func (s *seam) bareHTTPS() (net.Conn, error) { return s.bare(s.target.DPS.Ports.HTTPS) }
func (s *seam) bareMQTTS() (net.Conn, error) { return s.bare(s.target.DPS.Ports.MQTTS) }
func (s *seam) bareAMQPS() (net.Conn, error) { return s.bare(s.target.DPS.Ports.AMQPS) }

func (s *seam) bare(port int) (net.Conn, error) {
	return dialWithin("tcp", net.JoinHostPort(s.target.DPS.Address, strconv.Itoa(port)))
}

func (s *seam) bareControl() (net.Conn, error) {
	return dialWithin("tcp", s.target.Control.URL[len("https://"):])
}

// dialWithin bounds the connection's whole life.
func dialWithin(network, at string) (net.Conn, error) {
	c, err := net.Dial(network, at)
	if err == nil {
		err = c.SetDeadline(time.Now().Add(patience))
	}
	return c, err
}

func inTLS(bare func(*seam) (net.Conn, error)) func(*seam) (net.Conn, error) {
	return func(s *seam) (net.Conn, error) {
		c, err := bare(s)
		if err != nil {
			return nil, err
		}
		// What is sent is random; who it is sent to has been verified by the good devices.
		inside := tls.Client(c, &tls.Config{InsecureSkipVerify: true, ServerName: s.target.DPS.Host, ClientSessionCache: sessions})
		if err := inside.Handshake(); err != nil {
			c.Close()
			return nil, err
		}
		return inside, nil
	}
}

// sessions make a handshake cheap, of which there are tens of thousands.
var sessions = tls.NewLRUClientSessionCache(4)

func upgraded(subprotocol string) func(*seam) (net.Conn, error) {
	return func(s *seam) (net.Conn, error) {
		c, err := inTLS((*seam).bareHTTPS)(s)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(c, "GET /$iothub/websocket HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: %s\r\n\r\n", s.target.DPS.Host, subprotocol)
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err == nil && answer.StatusCode != http.StatusSwitchingProtocols {
			err = errors.New(answer.Status)
		}
		if err != nil {
			c.Close()
			return nil, fmt.Errorf("upgrade: %w", err)
		}
		return c, nil
	}
}

func framed(connect func(*seam) (net.Conn, error)) func(*seam) (net.Conn, error) {
	return func(s *seam) (net.Conn, error) {
		c, err := connect(s)
		if err != nil {
			return nil, err
		}
		return messages{c.(*tls.Conn)}, nil
	}
}

// messages makes a binary message of each write, masked with zeros.
type messages struct{ *tls.Conn }

func (m messages) Write(b []byte) (int, error) {
	frame := append([]byte{0x82, 0x80 | 126}, binary.BigEndian.AppendUint16(nil, uint16(len(b)))...)
	_, err := m.Conn.Write(append(append(frame, 0, 0, 0, 0), b...))
	return len(b), err
}

// randomString is the i-th of a seed: short ones mostly, half of them with a right
// beginning, of which one in four has a byte that is not.
func randomString(seed, i uint64, beginnings []string) []byte {
	r := rand.New(rand.NewPCG(seed, i))
	var b []byte
	if r.IntN(2) == 0 {
		b = []byte(beginnings[r.IntN(len(beginnings))])
		if r.IntN(4) == 0 {
			b[r.IntN(len(b))] = byte(r.Uint32())
		}
	}
	for range 1 + r.IntN(1<<r.IntN(13)) {
		b = append(b, byte(r.Uint32()))
	}
	return b
}

// throw sends n strings, and demands that the lab ends each connection once it has heard
// all of it.
func (s *seam) throw(t *testing.T, w way, seed uint64, n int) {
	t.Helper()
	var next atomic.Int64
	var throwers sync.WaitGroup
	for range 8 {
		throwers.Go(func() {
			for i := next.Add(1); i <= int64(n) && !t.Failed(); i = next.Add(1) {
				c, err := w.connect(s)
				if err != nil {
					t.Errorf("%s, before string %d: %v", w.what, i, err)
					return
				}
				c.Write(randomString(seed, uint64(i), w.beginnings))
				c.(interface{ CloseWrite() error }).CloseWrite()
				if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("%s: string %d of -abuse.seed %d keeps its connection", w.what, i, seed)
				}
				c.Close()
			}
		})
	}
	throwers.Wait()
}
