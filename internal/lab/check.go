package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"

	"github.com/dpslab/dpslab/internal/frontdoor"
)

var (
	scopePattern  = regexp.MustCompile(`^[0-9A-Za-z]{1,64}$`)
	domainPattern = regexp.MustCompile(`^([0-9a-z]([0-9a-z-]{0,61}[0-9a-z])?\.)*[0-9a-z]([0-9a-z-]{0,61}[0-9a-z])?$`)
)

// check finds what no lab can be made of, before a state folder is.
func (o Options) check() error {
	switch {
	case o.Hubs < 0 || o.Hubs > maxHubs:
		return fmt.Errorf("--hubs %d: a service is linked to at most %d hubs", o.Hubs, maxHubs)
	case o.OnlyHub < 0 || o.OnlyHub > maxHubs:
		return fmt.Errorf("--hub %d: a state holds the hubs 1 to %d", o.OnlyHub, maxHubs)
	case o.Data != "" && o.State == "":
		return errDataWithoutState
	case o.Database != "" && o.State == "":
		return errDatabaseWithoutState
	case o.IDScope != "" && !scopePattern.MatchString(o.IDScope):
		return fmt.Errorf("--id-scope %q is no id scope: letters and digits, as in 0ne00DEMO01", o.IDScope)
	case !domainPattern.MatchString(o.HubDomain):
		return fmt.Errorf("--hub-domain %q is no domain name: lower-case letters, digits, - and dots", o.HubDomain)
	}
	for _, h := range o.Linked {
		if h.Number < 0 || h.Number > maxHubs {
			return fmt.Errorf("--link-hub %d: a state holds the hubs 1 to %d", h.Number, maxHubs)
		}
	}
	if _, err := netip.ParseAddr(o.Listen); err != nil {
		return fmt.Errorf("--listen %q is no IP address; give one such as 127.0.0.1", o.Listen)
	}
	return nil
}

// withPortFlag names the flag that gives another port in place of one that could not be
// opened.
func withPortFlag(err error, p frontdoor.Ports) error {
	var op *net.OpError
	if !errors.As(err, &op) {
		return err
	}
	at, ok := op.Addr.(*net.TCPAddr)
	if !ok || at.Port == 0 {
		return err
	}
	for flag, port := range map[string]int{"--https-port": p.HTTPS, "--mqtts-port": p.MQTTS, "--amqps-port": p.AMQPS} {
		if port == at.Port {
			return fmt.Errorf("%w, with %s; --auto-ports takes free ones", err, flag)
		}
	}
	return err
}

// ips are the addresses that a server certificate is made for, beside its names.
func ips(listen string) []net.IP {
	list := []net.IP{net.IPv4(127, 0, 0, 1)}
	if a, err := netip.ParseAddr(listen); err == nil && !a.IsUnspecified() && a.String() != "127.0.0.1" {
		list = append(list, net.IP(a.AsSlice()))
	}
	return list
}
