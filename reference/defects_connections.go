package reference

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"time"

	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/point"
)

func onHello(change func(*frontdoor.Hello)) func(point.Args) ([]point.Plan, error) {
	return point.Always(frontdoor.ClientHello.Plan(func(_ point.Call, h *frontdoor.Hello) { change(h) }))
}

func onTLS(change func(*tls.Config)) func(point.Args) ([]point.Plan, error) {
	return onHello(func(h *frontdoor.Hello) { h.Config = change })
}

// connectionDefects are wrong TLS.
var connectionDefects = point.Catalogue{{
	ID: "tls-client-certificate-required", Summary: "refuses handshakes without a client certificate",
	Catches: []string{"DPS-X509-001"},
	Build:   onHello(func(h *frontdoor.Hello) { h.RequireClientCert = true }),
}, {
	ID: "tls-client-certificate-not-asked", Summary: "does not ask clients for a certificate",
	Catches: []string{"DPS-X509-001", "DPS-X509-002", "DPS-X509-006"},
	Build:   onTLS(func(c *tls.Config) { c.ClientAuth = tls.NoClientCert }),
}, {
	ID: "tls-client-certificate-verified", Summary: "ends handshakes with a client certificate that no known authority signed",
	Catches: []string{"DPS-X509-001", "DPS-X509-005"},
	Build: onTLS(func(c *tls.Config) {
		c.ClientAuth, c.ClientCAs = tls.VerifyClientCertIfGiven, x509.NewCertPool()
	}),
}, {
	ID: "tls-1.3-alone", Summary: "speaks TLS 1.3 alone",
	Catches: []string{"DPS-HTTPS-045", "DPS-MQTT-060"},
	Build:   onTLS(func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 }),
}, {
	ID: "tls-sni-required", Summary: "ends handshakes without SNI",
	Catches: []string{"DPS-HTTPS-047"},
	Build:   onHello(func(h *frontdoor.Hello) { h.Alert = h.ServerName == "" }),
}, {
	ID: "tls-foreign-certificate", Summary: "presents a certificate that nobody trusts, for another name",
	Catches: []string{"DPS-HTTPS-046"},
	Build: func(point.Args) ([]point.Plan, error) {
		c, err := foreignCertificate()
		if err != nil {
			return nil, err
		}
		return onHello(func(h *frontdoor.Hello) { h.Certificate = c })(nil)
	},
}}

// foreignCertificate is self-signed, for a name that no lab has.
func foreignCertificate() (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "foreign.invalid"}, DNSNames: []string{"foreign.invalid"},
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
