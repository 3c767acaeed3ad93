package identity_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/simulator/identity"
	"github.com/onsi/gomega/format"
)

func fleet(seed string) *identity.Fleet { return &identity.Fleet{Seed: seed, Scope: "0ne00DEMO01"} }

func TestSameSeedSameDevices(t *testing.T) {
	a, b := fleet("s"), fleet("s")
	for _, i := range []int{0, 7, 999999} {
		x, y := a.Device(i), b.Device(i)
		if x.RegistrationID != y.RegistrationID || !bytes.Equal(x.Key(), y.Key()) || !bytes.Equal(x.DerivedKey(), y.DerivedKey()) {
			t.Errorf("device %d differs between two workers", i)
		}
		cx, err := x.Certificate()
		if err != nil {
			t.Fatal(err)
		}
		cy, err := y.Certificate()
		if err != nil {
			t.Fatal(err)
		}
		for n := range cx.Certificate {
			if !bytes.Equal(cx.Certificate[n], cy.Certificate[n]) {
				t.Errorf("certificate %d of device %d differs between two workers", n, i)
			}
		}
	}
}

// What devices are must not change between versions: enrollments outlive the program.
func TestDevicesStayWhoTheyWere(t *testing.T) {
	d := fleet("golden").Device(42)
	c, err := d.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	digest := func(b []byte) string {
		sum := sha256.Sum256(b)
		return hex.EncodeToString(sum[:8])
	}
	ek, err := d.TPM().EndorsementKey()
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(d.RegistrationID, " ", digest(d.Key()), " ", digest(d.Rolled().Key()), " ", digest(d.DerivedKey()), " ",
		digest(c.Leaf.RawSubjectPublicKeyInfo), " ", digest(c.Certificate[0]), " ", digest(c.Certificate[1]), " ", digest(ek))
	const want = "dev-000042 8d8d23ee1867a2c8 f07f1ab7c45d0cd1 a9b6423f6c5363fa 336678e0141d5962 68989612c7984999 4e1b26bf6ff41b0d 18bd15ec0a5c807f"
	if got != want {
		t.Errorf("device 42 of the seed is\n%s, was\n%s", got, want)
	}
}

func TestDevicesDiffer(t *testing.T) {
	seen := map[string]string{}
	for name, f := range map[string]*identity.Fleet{
		"a": fleet("a"), "b": fleet("b"), "a with a prefix": {Seed: "a", Prefix: "pump"},
	} {
		for i := range 3 {
			d := f.Device(i)
			c, err := d.Certificate()
			if err != nil {
				t.Fatal(err)
			}
			for what, secret := range map[string][]byte{
				"key": d.Key(), "secondary key": d.Rolled().Key(), "derived key": d.DerivedKey(),
				"public key": c.Leaf.RawSubjectPublicKeyInfo, "serial": c.Leaf.SerialNumber.Bytes(),
			} {
				who := fmt.Sprintf("%s %d %s", name, i, what)
				if other, ok := seen[string(secret)]; ok {
					t.Errorf("%s is that of %s", who, other)
				}
				seen[string(secret)] = who
			}
		}
	}
}

func TestKeysAreOfTheLengthTheServiceMakes(t *testing.T) {
	f := fleet("s")
	d := f.Device(0)
	if len(f.GroupKey()) != 64 || len(d.Key()) != 64 || len(d.Rolled().Key()) != 64 || len(d.DerivedKey()) != 32 {
		t.Error("a key has another length than the service's own")
	}
	if !bytes.Equal(d.DerivedKey(), devwire.DeriveKey(f.GroupKey(), d.RegistrationID)) {
		t.Error("the derived key does not follow from the group's")
	}
}

func TestCertificatesChainThroughTheTree(t *testing.T) {
	f := &identity.Fleet{Seed: "s", Prefix: "pump", Depth: 2, Branches: 3}
	root, err := f.Root()
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(root.Certificate)
	issuers := map[string]int{}
	for i := range 6 {
		d := f.Device(i)
		c, err := d.Certificate()
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Certificate) != 3 {
			t.Fatalf("device %d presents %d certificates, want leaf and two intermediates", i, len(c.Certificate))
		}
		between := x509.NewCertPool()
		for _, der := range c.Certificate[1:] {
			cert, err := x509.ParseCertificate(der)
			if err != nil {
				t.Fatal(err)
			}
			between.AddCert(cert)
		}
		for _, at := range []time.Time{time.Date(2020, 1, 2, 0, 0, 0, 0, time.UTC), time.Date(2049, 12, 30, 0, 0, 0, 0, time.UTC)} {
			_, err = c.Leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: at,
				KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
			if err != nil {
				t.Errorf("device %d in %d: %v", i, at.Year(), err)
			}
		}
		key, ok := c.PrivateKey.(*ecdsa.PrivateKey)
		if !ok || key.Curve != elliptic.P256() || !key.PublicKey.Equal(c.Leaf.PublicKey) {
			t.Errorf("device %d has not the key of its certificate", i)
		}
		if c.Leaf.Subject.CommonName != d.RegistrationID {
			t.Errorf("device %d is named %s", i, c.Leaf.Subject.CommonName)
		}
		issuers[c.Leaf.Issuer.CommonName]++
	}
	if len(issuers) != 3 {
		t.Errorf("six devices have the issuers %v, want two each of three", issuers)
	}
	for name, n := range issuers {
		if n != 2 {
			t.Errorf("%s issued %d", name, n)
		}
	}
	if a, err := f.Intermediate(1, 1); err == nil {
		t.Errorf("a second authority on the first level: %s", a.Certificate.Subject)
	}
}

func TestWorkersShareAFleet(t *testing.T) {
	f := fleet("s")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if _, err := f.Device(i).ByCertificate(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestIdentities(t *testing.T) {
	d := fleet("s").Device(3)
	byKey, byGroup := d.ByKey(), d.ByGroupKey()
	byCertificate, err := d.ByCertificate()
	if err != nil {
		t.Fatal(err)
	}
	for name, id := range map[string]devwire.Identity{"key": byKey, "group key": byGroup, "certificate": byCertificate} {
		if id.Scope != "0ne00DEMO01" || id.RegistrationID != "dev-000003" {
			t.Errorf("by %s: %s", name, id)
		}
	}
	byTPM := d.ByTPM()
	ek, err := byTPM.TPM.EndorsementKey()
	if err != nil {
		t.Fatal(err)
	}
	again, _ := fleet("s").Device(3).TPM().EndorsementKey()
	other, _ := fleet("s").Device(4).TPM().EndorsementKey()
	root, _ := byTPM.TPM.StorageRootKey()
	shared, _ := fleet("s").Device(4).TPM().StorageRootKey()
	if byTPM.RegistrationID != "dev-000003" || byTPM.Key != nil || !bytes.Equal(ek, again) || bytes.Equal(ek, other) || !bytes.Equal(root, shared) {
		t.Error("a TPM is not that of its device")
	}
	if !bytes.Equal(byKey.Key, d.Key()) || !bytes.Equal(byGroup.Key, d.DerivedKey()) || byCertificate.Key != nil || byCertificate.Certificate == nil {
		t.Error("an identity has the wrong credential")
	}
}

func TestValidate(t *testing.T) {
	ok := fleet("s")
	if err := ok.Validate(); err != nil {
		t.Error(err)
	}
	for name, f := range map[string]*identity.Fleet{
		"no seed":          {},
		"a blank prefix":   {Seed: "s", Prefix: "a b"},
		"a long prefix":    {Seed: "s", Prefix: strings.Repeat("x", 41)},
		"a negative depth": {Seed: "s", Depth: -1},
		"never valid":      {Seed: "s", NotBefore: time.Date(2050, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		if f.Validate() == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestTheSeedIsNotPrinted(t *testing.T) {
	f := fleet("unspeakable")
	d := f.Device(0)
	for _, v := range []any{f, d, &d, []any{struct{ F any }{f}, struct{ D any }{d}}} {
		text := fmt.Sprintf("%v %+v %#v %s %x %d", v, v, v, v, v, v) + format.Object(v, 1)
		if b, err := json.Marshal(v); err == nil {
			text += string(b)
		}
		for _, s := range []string{"unspeakable", hex.EncodeToString([]byte("unspeakable"))} {
			if strings.Contains(text, s) {
				t.Errorf("%T prints its seed: %s", v, text)
			}
		}
	}
}

func BenchmarkCertificate(b *testing.B) {
	f := fleet("s")
	for i := 0; b.Loop(); i++ {
		if _, err := f.Device(i).Certificate(); err != nil {
			b.Fatal(err)
		}
	}
}
