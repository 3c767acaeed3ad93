package devwire

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Endpoint is where a target answers. Host is only SNI and HTTP Host; Address is dialled.
// An empty Address dials Host. A port of 0 is not offered. From is the client's own
// address, of which loopback has many; the machine chooses one where it is not valid.
type Endpoint struct {
	Host, Address                   string
	HTTPSPort, MQTTSPort, AMQPSPort int
	From                            netip.Addr
}

// The real service and its hubs live under azure-devices.net,
// azure-devices-provisioning.net and their like in the sovereign clouds, all of which
// begin the same; Event Hub endpoints live under the other.
const (
	cloudLabel  = "azure-devices"
	cloudEvents = "servicebus.windows.net"
)

// ofTheCloud reports whether name is one that the real cloud answers to.
func ofTheCloud(name string) bool {
	name = strings.ToLower(strings.TrimRight(name, "."))
	if name == cloudEvents || strings.HasSuffix(name, "."+cloudEvents) {
		return true
	}
	labels := strings.Split(name, ".")
	return len(labels) >= 2 && strings.HasPrefix(labels[len(labels)-2], cloudLabel)
}

// target returns what to dial, or an error where that could reach the real cloud.
func (w *Wire) target(ep Endpoint, port int) (string, error) {
	address := ep.Address
	if address == "" {
		address = ep.Host
	}
	switch {
	case address == "":
		return "", notSent("the endpoint has neither address nor host; name one in the target file")
	case port <= 0 || port > 65535:
		return "", notSent("%s offers no such port (%d); set it in the target file", ep.Host, port)
	case !w.Foreign && ofTheCloud(address):
		return "", notSent("%q is a name of the real cloud and is not resolved; give the endpoint an address, or say foreign: true", address)
	}
	return net.JoinHostPort(address, strconv.Itoa(port)), nil
}
