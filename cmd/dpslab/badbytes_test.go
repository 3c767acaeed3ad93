package main

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What is not the protocol of a port ends its connection, whatever it is.
func TestBytesThatAreNoProtocol(t *testing.T) {
	t.Parallel()
	s := newSeam(t)
	ports := map[string]int{"https": s.target.DPS.Ports.HTTPS, "mqtts": s.target.DPS.Ports.MQTTS, "amqps": s.target.DPS.Ports.AMQPS}
	texts := map[string]string{
		"plain HTTP": "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "zeros": strings.Repeat("\x00", 4096), "ones": strings.Repeat("\xff", 4096),
		"half a ClientHello": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "nothing": "",
	}
	for protocol, port := range ports {
		for what, text := range texts {
			before := s.stored(t)
			at := net.JoinHostPort(s.target.DPS.Address, strconv.Itoa(port))
			c, err := net.Dial("tcp", at)
			if err != nil {
				t.Fatal(err)
			}
			c.SetDeadline(time.Now().Add(patience))
			io.WriteString(c, text)
			c.(*net.TCPConn).CloseWrite()
			if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s on %s: the connection stands", what, protocol)
			}
			c.Close()
			s.unhurt(t, before)

			before = s.stored(t)
			inside, err := tls.Dial("tcp", at, &tls.Config{RootCAs: s.wire.Roots, ServerName: s.target.DPS.Host})
			if err != nil {
				t.Fatalf("%s: %v", protocol, err)
			}
			inside.SetDeadline(time.Now().Add(patience))
			io.WriteString(inside, text)
			inside.CloseWrite()
			if _, err := io.Copy(io.Discard, inside); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s inside TLS on %s: the connection stands", what, protocol)
			}
			inside.Close()
			s.unhurt(t, before)
		}
	}
}
