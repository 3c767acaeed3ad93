package frontdoor

import (
	"fmt"
	"net"
	"strconv"

	"github.com/dpslab/dpslab/internal/transcript"
)

// protocol is what is spoken on a port.
type protocol int

const (
	https protocol = iota
	mqtts
	amqps
	protocols = 3
)

func (p protocol) String() string { return [...]string{"https", "mqtts", "amqps"}[p] }

// recorded is the protocol for the transcript's decoders.
func (p protocol) recorded() transcript.Protocol {
	return [...]transcript.Protocol{transcript.HTTP, transcript.MQTT, transcript.AMQP}[p]
}

// open listens on one address.
func open(p protocol, address string, port int) (net.Listener, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("cannot open the %s port: %w; choose another port, or 0 for a free one", p, err)
	}
	return l, nil
}

// attempts bounds the search for a port that is free on every address.
const attempts = 20

// openEverywhere listens on every address, on the same port.
func openEverywhere(p protocol, addresses []string, port int) (opened []net.Listener, err error) {
	tries := 1
	if port == 0 && len(addresses) > 1 {
		tries = attempts
	}
	for range tries {
		opened = nil
		chosen := port
		for _, address := range addresses {
			var l net.Listener
			if l, err = open(p, address, chosen); err != nil {
				closeAll(opened)
				break
			}
			opened = append(opened, l)
			chosen = l.Addr().(*net.TCPAddr).Port
		}
		if err == nil {
			return opened, nil
		}
	}
	return nil, err
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		l.Close()
	}
}
