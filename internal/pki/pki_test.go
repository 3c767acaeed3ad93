package pki_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/pki"
)

var now = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

func lab(t *testing.T, rsa bool) (root, intermediate *pki.Authority) {
	t.Helper()
	root, err := pki.NewRoot("dpslab lab root", pki.Options{Now: now, RSA: rsa, Permitted: pki.LabConstraints()})
	if err != nil {
		t.Fatal(err)
	}
	intermediate, err = root.Intermediate("dpslab lab issuer", pki.Options{Now: now, RSA: rsa})
	if err != nil {
		t.Fatal(err)
	}
	return root, intermediate
}

func pool(certs ...*x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range certs {
		p.AddCert(c)
	}
	return p
}

// chain parses what a tls.Certificate sends.
func chain(t *testing.T, c tls.Certificate) []*x509.Certificate {
	t.Helper()
	var certs []*x509.Certificate
	for _, der := range c.Certificate {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		certs = append(certs, cert)
	}
	return certs
}

func TestServerChainVerifies(t *testing.T) {
	for name, rsa := range map[string]bool{"p256": false, "rsa": true} {
		t.Run(name, func(t *testing.T) {
			root, intermediate := lab(t, rsa)
			server, err := intermediate.Server([]string{"global.azure-devices-provisioning.net", "localhost"},
				[]net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, pki.Options{Now: now, RSA: rsa})
			if err != nil {
				t.Fatal(err)
			}
			if len(server.Certificate) != 2 {
				t.Fatalf("the server sends %d certificates, want leaf and intermediate without the root", len(server.Certificate))
			}
			certs := chain(t, server)
			for _, as := range []string{"global.azure-devices-provisioning.net", "localhost", "127.0.0.1", "::1"} {
				_, err := certs[0].Verify(x509.VerifyOptions{
					Roots: pool(root.Certificate), Intermediates: pool(certs[1:]...), CurrentTime: now, DNSName: as})
				if err != nil {
					t.Errorf("as %s: %v", as, err)
				}
			}
			if got := certs[0].PublicKeyAlgorithm == x509.RSA; got != rsa {
				t.Errorf("public key algorithm %v", certs[0].PublicKeyAlgorithm)
			}
			if got := certs[0].KeyUsage&x509.KeyUsageKeyEncipherment != 0; got != rsa {
				t.Errorf("key encipherment is %v for rsa=%v", got, rsa)
			}
		})
	}
}

func TestCertificatesCarryWhatStrictVerifiersAskFor(t *testing.T) {
	root, intermediate := lab(t, false)
	server, err := intermediate.Server([]string{"localhost"}, nil, pki.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	device, err := intermediate.Device("dev-01", pki.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*x509.Certificate{root.Certificate, intermediate.Certificate, server.Leaf, device.Leaf} {
		if !c.BasicConstraintsValid || len(c.SubjectKeyId) == 0 || c.KeyUsage == 0 || c.SerialNumber.Sign() <= 0 {
			t.Errorf("%s: basic constraints %v, subject key id %x, key usage %b, serial %v",
				c.Subject, c.BasicConstraintsValid, c.SubjectKeyId, c.KeyUsage, c.SerialNumber)
		}
		if c != root.Certificate && len(c.AuthorityKeyId) == 0 {
			t.Errorf("%s: no authority key id", c.Subject)
		}
	}
	if !bytes.Equal(server.Leaf.AuthorityKeyId, intermediate.Certificate.SubjectKeyId) {
		t.Error("the leaf's authority key id is not its issuer's subject key id")
	}
	if server.Leaf.IsCA || device.Leaf.IsCA || !intermediate.Certificate.IsCA {
		t.Error("basic constraints are the wrong way round")
	}
}

func TestLabConstraintsAreCriticalAndRefuseForeignNames(t *testing.T) {
	root, intermediate := lab(t, false)
	if !root.Certificate.PermittedDNSDomainsCritical {
		t.Fatal("the name constraints are not critical")
	}
	for _, tc := range []struct {
		name, ip string
		ok       bool
	}{
		{name: "hub-a.azure-devices.net", ok: true},
		{name: "localhost", ok: true},
		{ip: "127.3.4.5", ok: true},
		{ip: "172.17.0.2", ok: true},
		{name: "example.com"},
		{name: "azure-devices.net.example.com"},
		{ip: "8.8.8.8"},
		{ip: "172.32.0.1"},
	} {
		var names []string
		var ips []net.IP
		as := tc.name
		if tc.name != "" {
			names = []string{tc.name}
		} else {
			ips, as = []net.IP{net.ParseIP(tc.ip)}, tc.ip
		}
		server, err := intermediate.Server(names, ips, pki.Options{Now: now})
		if err != nil {
			t.Fatal(err)
		}
		_, err = server.Leaf.Verify(x509.VerifyOptions{Roots: pool(root.Certificate),
			Intermediates: pool(intermediate.Certificate), CurrentTime: now, DNSName: as})
		if (err == nil) != tc.ok {
			t.Errorf("%s: verified with %v, want ok=%v", as, err, tc.ok)
		}
	}
}

func TestDeviceChainStopsBelowTheRoot(t *testing.T) {
	root, issuer := lab(t, false)
	line, err := issuer.Intermediate("line a", pki.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	device, err := line.Device("dev-01", pki.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	certs := chain(t, device)
	want := []string{"dev-01", "line a", "dpslab lab issuer"}
	if len(certs) != len(want) {
		t.Fatalf("%d certificates, want %d", len(certs), len(want))
	}
	for i, c := range certs {
		if c.Subject.CommonName != want[i] {
			t.Errorf("certificate %d is %q, want %q", i, c.Subject.CommonName, want[i])
		}
	}
	if len(certs[0].DNSNames) != 0 {
		t.Error("a device leaf names a dns name, which C# would take for the registration id")
	}
	_, err = certs[0].Verify(x509.VerifyOptions{Roots: pool(root.Certificate), Intermediates: pool(certs[1:]...),
		CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err != nil {
		t.Error(err)
	}
}

func TestSelfSignedVerifiesAgainstItselfOnly(t *testing.T) {
	c, err := pki.SelfSigned("dev-01", pki.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Certificate) != 1 || c.Leaf.CheckSignature(c.Leaf.SignatureAlgorithm, c.Leaf.RawTBSCertificate, c.Leaf.Signature) != nil {
		t.Fatal("it is not signed by itself")
	}
}

func TestValidityRunsFromNow(t *testing.T) {
	c, err := pki.SelfSigned("dev-01", pki.Options{Now: now, Lifetime: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Leaf.NotBefore; !got.Equal(now.Add(-pki.Backdate)) {
		t.Errorf("valid from %v", got)
	}
	if got := c.Leaf.NotAfter; !got.Equal(now.Add(time.Minute)) {
		t.Errorf("valid until %v", got)
	}
	if _, err := pki.SelfSigned("dev-01", pki.Options{}); err == nil {
		t.Error("a certificate without a time was made")
	}
}

// stream is a reader of known bytes.
func stream(fill byte) *bytes.Reader { return bytes.NewReader(bytes.Repeat([]byte{fill, 1, 2, 3}, 16)) }

func TestSameBytesGiveTheSameCertificate(t *testing.T) {
	root, err := pki.NewRoot("root", pki.Options{Now: now, Rand: stream(9)})
	if err != nil {
		t.Fatal(err)
	}
	make := func(fill byte) tls.Certificate {
		c, err := root.Device("dev-01", pki.Options{Now: now, Rand: stream(fill)})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if !bytes.Equal(make(1).Leaf.Raw, make(1).Leaf.Raw) {
		t.Error("the same bytes gave two certificates")
	}
	if bytes.Equal(make(1).Leaf.RawSubjectPublicKeyInfo, make(2).Leaf.RawSubjectPublicKeyInfo) {
		t.Error("different bytes gave one key")
	}
	if _, err := root.Device("dev-01", pki.Options{Now: now, Rand: strings.NewReader("short")}); err == nil {
		t.Error("a key was made from five bytes")
	}
}

func TestAGivenKeyIsUsed(t *testing.T) {
	key, err := pki.NewKey(pki.Options{})
	if err != nil {
		t.Fatal(err)
	}
	root, _ := lab(t, false)
	for range 2 {
		c, err := root.Server([]string{"localhost"}, nil, pki.Options{Now: now, Key: key})
		if err != nil {
			t.Fatal(err)
		}
		if c.PrivateKey != key {
			t.Error("another key was made")
		}
	}
}

func TestRefusesWhatNoVerifierTakes(t *testing.T) {
	root, _ := lab(t, false)
	if _, err := root.Device(strings.Repeat("x", 65), pki.Options{Now: now}); err == nil {
		t.Error("a common name of 65 characters was taken")
	}
	if _, err := root.Server(nil, nil, pki.Options{Now: now}); err == nil {
		t.Error("a server certificate without a name was made")
	}
}

func TestHandshakeWithClientCertificate(t *testing.T) {
	root, intermediate := lab(t, true)
	server, err := intermediate.Server([]string{"localhost"}, nil, pki.Options{Now: now, RSA: true})
	if err != nil {
		t.Fatal(err)
	}
	device, err := intermediate.Device("dev-01", pki.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	at := func() time.Time { return now }
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	served := make(chan error, 1)
	go func() {
		served <- tls.Server(a, &tls.Config{Certificates: []tls.Certificate{server}, Time: at,
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool(root.Certificate)}).Handshake()
	}()
	client := tls.Client(b, &tls.Config{RootCAs: pool(root.Certificate), ServerName: "localhost", Time: at,
		Certificates: []tls.Certificate{device}, MaxVersion: tls.VersionTLS12})
	if err := client.Handshake(); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
