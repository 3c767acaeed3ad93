package lab_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/lab"
	"github.com/dpslab/dpslab/internal/pki"
)

func ownRoot(t *testing.T, o pki.Options) (root *pki.Authority, certificate, key []byte) {
	t.Helper()
	o.Now = clock.System().Now()
	root, err := pki.NewRoot("own root", o)
	if err != nil {
		t.Fatal(err)
	}
	if certificate, key, err = root.Save(); err != nil {
		t.Fatal(err)
	}
	return root, certificate, key
}

func TestAnImportedRootIsTheLabs(t *testing.T) {
	t.Parallel()
	now := clock.System().Now()
	root, certificate, key := ownRoot(t, pki.Options{})
	folder := filepath.Join(t.TempDir(), "lab")
	if err := lab.ImportCA(folder, certificate, key, now); err != nil {
		t.Fatal(err)
	}
	if exported, err := lab.ExportCA(folder, now); err != nil || !bytes.Equal(exported, certificate) {
		t.Errorf("%v\n%s\nwant\n%s", err, exported, certificate)
	}
	if there, err := os.ReadFile(filepath.Join(folder, "ca.pem")); err != nil || !bytes.Equal(there, certificate) {
		t.Errorf("ca.pem: %v", err)
	}
	o := quick()
	o.State = folder
	l := begin(t, o)
	c, err := dial(t, l, l.Hosts()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	chain := c.ConnectionState().VerifiedChains[0]
	if !chain[len(chain)-1].Equal(root.Certificate) {
		t.Error("the lab's certificates lead to another root")
	}
}

func TestARootIsImportedIntoANewFolderOnly(t *testing.T) {
	t.Parallel()
	now := clock.System().Now()
	_, certificate, key := ownRoot(t, pki.Options{})
	folder := t.TempDir()
	before, err := lab.ExportCA(folder, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := lab.ImportCA(folder, certificate, key, now); err == nil || !strings.Contains(err.Error(), "--state") {
		t.Errorf("%v", err)
	}
	if after, err := lab.ExportCA(folder, now); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the folder's root changed: %v", err)
	}
}

func TestWhatIsNoRoot(t *testing.T) {
	t.Parallel()
	now := clock.System().Now()
	root, certificate, key := ownRoot(t, pki.Options{})
	_, _, otherKey := ownRoot(t, pki.Options{})
	leaf, err := root.Device("dev-01", pki.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	_, elsewhere, elsewhereKey := ownRoot(t, pki.Options{Permitted: &pki.NameConstraints{DNS: []string{"example.org"}}})
	for rule, pair := range map[string][2][]byte{
		"another's key":            {certificate, otherKey},
		"no certificate":           {nil, key},
		"no key":                   {certificate, nil},
		"a device's certificate":   {pki.PEM(leaf.Leaf), key},
		"text":                     {[]byte("root"), []byte("key")},
		"a root for another place": {elsewhere, elsewhereKey},
	} {
		folder := filepath.Join(t.TempDir(), "lab")
		err := lab.ImportCA(folder, pair[0], pair[1], now)
		if rule == "a root for another place" && err == nil {
			o := quick()
			o.State = folder
			_, err = lab.Start(o)
		}
		if err == nil || strings.Contains(err.Error(), "-----") {
			t.Errorf("%s: %v", rule, err)
		}
	}
	for _, err := range []error{lab.ImportCA("", certificate, key, now), func() error { _, err := lab.ExportCA("", now); return err }()} {
		if err == nil || !strings.Contains(err.Error(), "--state") {
			t.Errorf("without a folder: %v", err)
		}
	}
}

func TestANewRootVouchesForWhatTheLabIsAskedToBe(t *testing.T) {
	t.Parallel()
	o := quick()
	o.State, o.HubDomain, o.Control = t.TempDir(), "hubs.example.org", "127.0.0.9:0"
	l := begin(t, o)
	for _, host := range l.Hosts() {
		c, err := dial(t, l, host)
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		c.Close()
	}
	o.HubDomain = "hubs.example.com"
	if other, err := lab.Start(o); err == nil || !strings.Contains(err.Error(), "hubs.example.com") || !strings.Contains(err.Error(), "--state") {
		if err == nil {
			other.Close()
		}
		t.Errorf("%v", err)
	}
}
