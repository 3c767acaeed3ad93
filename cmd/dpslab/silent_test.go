package main

import (
	"net"
	"sync"
	"testing"
)

// silentPort is a port where connections are taken and nothing is said.
func silentPort(t testing.TB) int {
	return port(listenFor(t, func(net.Conn) {}))
}

// listenFor takes connections until the test ends, tells each to seen, and says nothing.
func listenFor(t testing.TB, seen func(net.Conn)) net.Addr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var taken sync.WaitGroup
	taken.Go(func() {
		var open []net.Conn
		for {
			c, err := l.Accept()
			if err != nil {
				break
			}
			seen(c)
			open = append(open, c)
		}
		for _, c := range open {
			c.Close()
		}
	})
	t.Cleanup(func() {
		l.Close()
		taken.Wait()
	})
	return l.Addr()
}

func port(a net.Addr) int { return a.(*net.TCPAddr).Port }
