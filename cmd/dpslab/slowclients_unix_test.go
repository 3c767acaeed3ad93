//go:build unix

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
)

// Crowds of clients that say nothing, half of something, or a byte a second are all dropped
// by the lab's deadlines, while good devices register as if nobody was there.
func TestAbuseBySlowClients(t *testing.T) {
	t.Parallel()
	s := watchedSeam(t)
	kinds := slowKinds(t, s.target.DPS.Host)
	for _, k := range kinds {
		s.crowd(t, []slowKind{k}, 1).dismiss(t)
	}
	s.paces(t, "first") // which stores what the others find
	usual := s.paces(t, "usual")
	before := s.holds(t)
	if !*abuseFull { // all kinds at once, few of each
		s.besieged(t, "all kinds", kinds, 20, usual)
	} else {
		for _, k := range kinds {
			s.besieged(t, k.what, []slowKind{k}, 2000, usual)
		}
	}
	s.gaveBack(t, before)
}

// besieged brings n clients of each kind, registers good devices while they stand, and
// waits until the lab has dropped them all.
func (s *seam) besieged(t *testing.T, what string, kinds []slowKind, n int, usual map[dps.Transport]time.Duration) {
	t.Helper()
	c := s.crowd(t, kinds, n)
	defer c.end()
	standing := c.open.Load()
	if standing < int64(n*len(kinds)/2) {
		t.Errorf("%s: only %d clients of %d stood together: this machine is too slow to tell anything", what, standing, n*len(kinds))
	}
	meanwhile := s.paces(t, what)
	for _, over := range everyTransport {
		t.Logf("%s, %d clients: a device over %s took %v, usually %v: %.1f times as long",
			what, standing, over, meanwhile[over], usual[over], float64(meanwhile[over])/float64(usual[over]))
		// Far more than is ever seen, for the sake of machines that are busy otherwise, and
		// far less than waiting for the crowd to be dropped would take.
		if meanwhile[over] > 20*usual[over]+3*time.Second {
			t.Errorf("%s: a device over %s took %v, usually %v", what, over, meanwhile[over], usual[over])
		}
	}
	c.wait(t)
}

// paces is how long devices take to be assigned over each transport: the median of three.
func (s *seam) paces(t *testing.T, what string) map[dps.Transport]time.Duration {
	t.Helper()
	paces := map[dps.Transport]time.Duration{}
	for _, over := range everyTransport {
		var took []time.Duration
		for i := range 3 {
			began := time.Now()
			if answer := s.provision(t, over, over.String()+"-"+string(rune('a'+i))); answer.Status != dps.StatusAssigned {
				t.Errorf("%s: a good device over %s: %v", what, over, answer)
			}
			took = append(took, time.Since(began).Round(10*time.Microsecond))
		}
		slices.Sort(took)
		paces[over] = took[1]
	}
	return paces
}

// slowKind is how a client wastes time: what it says at once, and what it says once a
// second after that, from the beginning again when it has said all.
type slowKind struct {
	what    string
	connect func(s *seam) (net.Conn, error)
	once    string
	slowly  []string
}

func slowKinds(t *testing.T, host string) []slowKind {
	hello := clientHello(t, host)
	https, mqtt, amqp := inTLS((*seam).bareHTTPS), inTLS((*seam).bareMQTTS), inTLS((*seam).bareAMQPS)
	request := "PUT /0ne00000000/registrations/dev-01/register?api-version=2019-03-31 HTTP/1.1\r\nHost: " + host + "\r\n"
	connect := "\x10\x30\x00\x04MQTT\x04\x82\x00\x3c\x00\x06dev-01"
	return []slowKind{
		{"no ClientHello", (*seam).bareMQTTS, "", nil},
		{"half a ClientHello", (*seam).bareHTTPS, hello[:len(hello)/2], nil},
		{"a ClientHello byte by byte", (*seam).bareAMQPS, "", letters(hello)},
		{"a ClientHello and no more", (*seam).bareMQTTS, hello, nil},
		{"no request", https, "", nil},
		{"an open request line", https, "PUT /0ne", nil},
		{"a header byte by byte", https, request + "X-Slow: ", letters("slow")},
		{"half a WebSocket upgrade", https, "GET /$iothub/websocket HTTP/1.1\r\nHost: " + host + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n", nil},
		{"a body byte by byte", https, request + "Content-Type: application/json\r\nContent-Length: 4096\r\n\r\n{", letters(" ")},
		{"chunks byte by byte", https, request + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", []string{"1\r\n{\r\n", "1\r\n \r\n"}},
		{"no ClientHello at the control port", (*seam).bareControl, "", nil},
		{"a header byte by byte at the control port", inTLS((*seam).bareControl), "GET /v1/info HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ", letters("slow")},
		{"no CONNECT", mqtt, "", nil},
		{"a CONNECT without its end", mqtt, connect, nil},
		{"a CONNECT byte by byte", mqtt, connect[:2], letters(connect[2:])},
		{"a WebSocket without a CONNECT", upgraded("mqtt"), "", nil},
		{"a WebSocket that only pings", upgraded("mqtt"), "", []string{"\x89\x80\x00\x00\x00\x00"}},
		{"a WebSocket message without its end", upgraded("mqtt"), "\x82\xa0\x00\x00\x00\x00\x10", nil},
		{"no AMQP header", amqp, "", nil},
		{"an AMQP header and no more", amqp, "AMQP\x03\x01\x00\x00", nil},
		{"a SASL frame byte by byte", amqp, "AMQP\x03\x01\x00\x00\x00\x00\x00\xff\x02\x01\x00\x00", letters("\x00\x53\x41\xc0")},
		{"a WebSocket without an AMQP header", upgraded("AMQPWSB10"), "", nil},
	}
}

func letters(s string) (list []string) {
	for i := range len(s) {
		list = append(list, s[i:i+1])
	}
	return list
}

// clientHello is the first flight of a client that asks for host.
func clientHello(t *testing.T, host string) string {
	t.Helper()
	ours, theirs := net.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	var shaking sync.WaitGroup
	shaking.Go(func() { tls.Client(theirs, &tls.Config{ServerName: host}).HandshakeContext(ctx) })
	hello := make([]byte, 4096)
	n, err := ours.Read(hello)
	cancel()
	shaking.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return string(hello[:n])
}

// crowd is clients that stay until they are dropped or it ends.
type crowd struct {
	ctx     context.Context
	end     context.CancelFunc
	clients sync.WaitGroup
	open    atomic.Int64
	stayed  atomic.Int64 // beyond dropBy
}

// dropBy is far more than the lab's longest deadline, which is half a minute.
const dropBy = 2 * time.Minute

// crowd returns when n clients of each kind are connected.
func (s *seam) crowd(t *testing.T, kinds []slowKind, n int) *crowd {
	t.Helper()
	c := &crowd{}
	c.ctx, c.end = context.WithCancel(t.Context())
	t.Cleanup(c.clients.Wait)
	t.Cleanup(c.end)
	var next atomic.Int64
	var comers sync.WaitGroup
	for range 8 {
		comers.Go(func() {
			for i := next.Add(1) - 1; i < int64(n*len(kinds)) && !t.Failed(); i = next.Add(1) - 1 {
				k := kinds[i%int64(len(kinds))]
				conn, err := k.connect(s)
				if err != nil {
					t.Errorf("%s, client %d: %v", k.what, i, err)
					return
				}
				c.open.Add(1)
				c.clients.Go(func() {
					defer c.open.Add(-1)
					defer conn.Close()
					c.stay(conn, k)
				})
			}
		})
	}
	comers.Wait()
	return c
}

// stay is a client's life.
func (c *crowd) stay(conn net.Conn, k slowKind) {
	io.WriteString(conn, k.once)
	last := time.Now().Add(dropBy)
	for i := 0; c.ctx.Err() == nil; i++ {
		conn.SetDeadline(time.Now().Add(time.Second))
		switch _, err := io.Copy(io.Discard, conn); {
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return
		case time.Now().After(last):
			c.stayed.Add(1)
			return
		case k.slowly != nil:
			io.WriteString(conn, k.slowly[i%len(k.slowly)])
		}
	}
}

// wait waits until the lab has dropped everybody.
func (c *crowd) wait(t *testing.T) {
	t.Helper()
	c.clients.Wait()
	if n := c.stayed.Load(); n > 0 {
		t.Errorf("%d clients are still served after %v", n, dropBy)
	}
}

// dismiss lets everybody go.
func (c *crowd) dismiss(t *testing.T) {
	t.Helper()
	c.end()
	c.clients.Wait()
}
