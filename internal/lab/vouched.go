package lab

import (
	"crypto/x509"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/pki"
)

// vouched is what a lab's certificates say beyond the names that every lab has: the domain
// of its hubs, and the addresses it listens on.
type vouched struct {
	domain    string
	addresses []net.IP
}

func (o Options) vouched() vouched {
	v := vouched{o.HubDomain, ips(o.Listen)}
	if host, _, err := net.SplitHostPort(o.Control); err == nil {
		v.addresses = append(v.addresses, ips(host)...)
	}
	return v
}

// added are the constraints with what they do not permit yet: a new authority is made for
// its lab.
func (v vouched) added(c *pki.NameConstraints) *pki.NameConstraints {
	within := func(domain string) bool { return strings.HasSuffix("."+v.domain, "."+domain) }
	if v.domain != "" && !slices.ContainsFunc(c.DNS, within) {
		c.DNS = append(c.DNS, v.domain)
	}
	for _, ip := range v.addresses {
		if !slices.ContainsFunc(c.IP, func(n *net.IPNet) bool { return n.Contains(ip) }) {
			bits := 8 * len(ip)
			c.IP = append(c.IP, &net.IPNet{IP: ip, Mask: net.CIDRMask(bits, bits)})
		}
	}
	return c
}

// vouchesFor reports why clients would not believe a certificate for these names.
func (s *State) vouchesFor(v vouched, now time.Time) error {
	if v.domain == "" {
		return nil
	}
	certificate, err := s.issuer(v.addresses, now)("hub." + v.domain)
	if err != nil {
		return err
	}
	between := x509.NewCertPool()
	for _, authority := range s.issuing.Chain {
		between.AddCert(authority)
	}
	_, err = certificate.Leaf.Verify(x509.VerifyOptions{
		DNSName: "hub." + v.domain, Roots: s.Roots(), Intermediates: between, CurrentTime: now,
	})
	return err
}
