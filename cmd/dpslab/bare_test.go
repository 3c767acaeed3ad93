package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"sync"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/lab"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/suites/sut"
)

// The bare baseline: accept loops over crypto/tls that answer canned bytes, with the
// lab's kind of certificates and TLS configuration, and one round trip to a hub, as bare,
// for every register request. It is what registrations would cost if the service did
// nothing; no server of ours can be faster.

const (
	bareHost  = "global.azure-devices-provisioning.net"
	bareHub   = "bare.azure-devices.net"
	assigning = `{"operationId":"5.f7751880d368cb38.15b627a5-9f98-42e6-bee3-26b62f5a2483","status":"assigning"}`
	assigned  = `{"operationId":"5.f7751880d368cb38.15b627a5-9f98-42e6-bee3-26b62f5a2483","status":"assigned","registrationState":` +
		`{"symmetricKey":{"enrollmentGroupId":"bench"},"registrationId":"dev-01","createdDateTimeUtc":"2026-11-24T15:46:52.7010150Z",` +
		`"assignedHub":"bare.azure-devices.net","deviceId":"dev-01","status":"assigned","substatus":"initialAssignment",` +
		`"lastUpdatedDateTimeUtc":"2026-11-24T15:46:52.7044930Z","etag":"ImRhOTI1ZjhiLTFjZDAtMmIwMC0wMDAwLTZiMDViMTZjMDAwMCI="}}`
	hubRequest = "POST /devices?api-version=2021-04-12 HTTP/1.1\r\nHost: " + bareHub + "\r\nContent-Type: application/json; charset=utf-8\r\n" +
		"Authorization: SharedAccessSignature sr=bare.azure-devices.net&sig=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx&se=1893456000&skn=iothubowner\r\n" +
		"Content-Length: 67\r\n\r\n[{\"id\":\"dev-01\",\"importMode\":\"create\",\"status\":\"enabled\"         }]"
	hubAnswer = "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 47\r\n\r\n" +
		`{"isSuccessful":true,"errors":[],"warnings":[]}`
)

// bareMemory is the heap that the baseline may use before it collects, in bytes.
const bareMemory = 256 << 20

func httpAnswer(status, extra, body string) []byte {
	return []byte("HTTP/1.1 " + status + "\r\nContent-Type: application/json; charset=utf-8\r\n" + extra +
		"Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
}

// bare is the server: device ports, and the hub that it writes to.
type bare struct {
	hubAddress string
	hubConfig  *tls.Config
	mu         sync.Mutex
	idle       []*hubConn // connections to the hub that nobody uses
}

type hubConn struct {
	net.Conn
	in *bufio.Reader
}

// serveBare listens, describes itself in file, and serves until ctx ends.
func serveBare(ctx context.Context, file string) error {
	// With next to nothing on its heap it would collect all the time; the baseline is to be
	// as good as can be.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(bareMemory)
	now := clock.System().Now()
	o := pki.Options{Now: now, RSA: true}
	root, err := pki.NewRoot("bare root", o)
	if err != nil {
		return err
	}
	issuing, err := root.Intermediate("bare issuing", o)
	if err != nil {
		return err
	}
	certificate, err := issuing.Server([]string{bareHost, bareHub}, []net.IP{net.IPv4(127, 0, 0, 1)}, o)
	if err != nil {
		return err
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	roots := x509.NewCertPool()
	roots.AddCert(root.Certificate)
	b := &bare{hubConfig: &tls.Config{RootCAs: roots, ServerName: bareHub}}
	var listeners [4]net.Listener
	for i, serve := range []func(net.Conn, *bufio.Reader) error{b.https, b.mqtt, b.amqp, b.hub} {
		l, err := tls.Listen("tcp", "127.0.0.1:0", config)
		if err != nil {
			return err
		}
		listeners[i] = l
		go accept(l, serve)
	}
	b.hubAddress = listeners[3].Addr().String()
	caFile := filepath.Join(filepath.Dir(file), "bare-ca.pem")
	if err := os.WriteFile(caFile, pki.PEM(root.Certificate), 0o644); err != nil {
		return err
	}
	port := func(i int) int { return listeners[i].Addr().(*net.TCPAddr).Port }
	text, err := sut.Marshal(sut.Target{CAFile: caFile, DPS: sut.DPS{
		Host: bareHost, ServiceHost: bareHost, IDScope: "0ne00000000",
		ServiceConnectionString: "HostName=" + bareHost + ";SharedAccessKeyName=nobody;SharedAccessKey=bm9ib2R5", Address: "127.0.0.1", Ports: sut.Ports{HTTPS: port(0), MQTTS: port(1), AMQPS: port(2)},
	}})
	if err != nil {
		return err
	}
	if err := lab.WriteFile(file, text, 0o600); err != nil {
		return err
	}
	<-ctx.Done()
	for _, l := range listeners {
		l.Close()
	}
	return nil
}

func accept(l net.Listener, serve func(net.Conn, *bufio.Reader) error) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			in := bufio.NewReader(c)
			for serve(c, in) == nil {
			}
		}()
	}
}

// readRequest reads one HTTP message and returns its first byte.
func readRequest(in *bufio.Reader) (first byte, err error) {
	length := 0
	for n := 0; ; n++ {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		if n == 0 {
			first = line[0]
		}
		if len(line) <= 2 {
			break
		}
		if name, value, _ := bytes.Cut(line, []byte(": ")); bytes.EqualFold(name, []byte("Content-Length")) {
			length, _ = strconv.Atoi(string(bytes.TrimSpace(value)))
		}
	}
	_, err = in.Discard(length)
	return first, err
}

// https answers a PUT with assigning, after a write to the hub, and a GET with assigned.
func (b *bare) https(c net.Conn, in *bufio.Reader) error {
	first, err := readRequest(in)
	if err != nil {
		return err
	}
	if first == 'P' {
		if err := b.writeHub(); err != nil {
			return err
		}
		_, err = c.Write(httpAnswer("202 Accepted", "Retry-After: 0\r\n", assigning))
		return err
	}
	_, err = c.Write(httpAnswer("200 OK", "", assigned))
	return err
}

func (b *bare) hub(c net.Conn, in *bufio.Reader) error {
	if _, err := readRequest(in); err != nil {
		return err
	}
	_, err := io.WriteString(c, hubAnswer)
	return err
}

// writeHub is one round trip on a kept connection.
func (b *bare) writeHub() error {
	b.mu.Lock()
	var c *hubConn
	if n := len(b.idle); n > 0 {
		c, b.idle = b.idle[n-1], b.idle[:n-1]
	}
	b.mu.Unlock()
	if c == nil {
		raw, err := tls.Dial("tcp", b.hubAddress, b.hubConfig)
		if err != nil {
			return err
		}
		c = &hubConn{raw, bufio.NewReader(raw)}
	}
	if _, err := io.WriteString(c, hubRequest); err != nil {
		return err
	}
	if _, err := readRequest(c.in); err != nil {
		return err
	}
	b.mu.Lock()
	b.idle = append(b.idle, c)
	b.mu.Unlock()
	return nil
}

// mqtt answers one packet.
func (b *bare) mqtt(c net.Conn, in *bufio.Reader) error {
	head, err := in.ReadByte()
	if err != nil {
		return err
	}
	length, shift := 0, 0
	for {
		digit, err := in.ReadByte()
		if err != nil {
			return err
		}
		length |= int(digit&0x7f) << shift
		if shift += 7; digit < 0x80 {
			break
		}
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(in, body); err != nil {
		return err
	}
	switch head >> 4 {
	case 1: // CONNECT
		_, err = c.Write([]byte{0x20, 2, 0, 0})
	case 8: // SUBSCRIBE
		_, err = c.Write([]byte{0x90, 3, body[0], body[1], 1})
	case 3: // PUBLISH
		err = b.publish(c, head, body)
	}
	return err
}

func (b *bare) publish(c net.Conn, head byte, body []byte) error {
	end := 2 + int(body[0])<<8 + int(body[1])
	topic := string(body[2:end])
	if head&0x06 != 0 {
		if _, err := c.Write([]byte{0x40, 2, body[end], body[end+1]}); err != nil {
			return err
		}
	}
	_, rid, _ := bytes.Cut([]byte(topic), []byte("$rid="))
	rid, _, _ = bytes.Cut(rid, []byte("&"))
	code, payload, more := "200", assigned, ""
	if bytes.Contains(body[:end], []byte("/PUT/")) {
		if err := b.writeHub(); err != nil {
			return err
		}
		code, payload, more = "202", assigning, "&retry-after=0"
	}
	answer := "$dps/registrations/res/" + code + "/?$rid=" + string(rid) + more
	packet := []byte{0x32}
	for n := 2 + len(answer) + 2 + len(payload); ; {
		digit := byte(n & 0x7f)
		if n >>= 7; n > 0 {
			digit |= 0x80
		}
		packet = append(packet, digit)
		if n == 0 {
			break
		}
	}
	packet = fmt.Appendf(append(packet, byte(len(answer)>>8), byte(len(answer))), "%s\x00\x01%s", answer, payload)
	_, err := c.Write(packet)
	return err
}
