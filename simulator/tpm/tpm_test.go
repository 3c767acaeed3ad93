package tpm_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/swtpm"
	"github.com/dpslab/dpslab/simulator/tpm"
	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"
	"github.com/onsi/gomega/format"
)

var emulated = sync.OnceValue(func() *tpm.Emulated { return tpm.New([]byte("a seed")) })

// hardware is Debian's swtpm, which is a whole TPM in a process.
func hardware(t *testing.T) *tpm.Hardware {
	t.Helper()
	return tpm.Over(software(t))
}

func software(t *testing.T) transport.TPMCloser {
	t.Helper()
	conn, err := linuxudstpm.Open(swtpm.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// each runs a test on the emulated TPM and on a whole one: what the first does must be what
// a TPM does.
func each(t *testing.T, test func(t *testing.T, device devwire.TPM)) {
	t.Run("emulated", func(t *testing.T) { test(t, tpm.New([]byte("a seed"))) })
	t.Run("swtpm", func(t *testing.T) {
		device := hardware(t)
		test(t, device)
		if err := device.Close(); err != nil {
			t.Error(err)
		}
	})
}

func keys(t *testing.T, device devwire.TPM) (ek, srk []byte) {
	t.Helper()
	ek, err := device.EndorsementKey()
	if err != nil {
		t.Fatal(err)
	}
	srk, err = device.StorageRootKey()
	if err != nil {
		t.Fatal(err)
	}
	return ek, srk
}

func TestAKeyIsImportedAndSigns(t *testing.T) {
	each(t, func(t *testing.T, device devwire.TPM) {
		if _, err := device.Sign([]byte("x")); err == nil {
			t.Error("signed without a key")
		}
		ek, srk := keys(t, device)
		text := []byte("0ne00DEMO01%2Fregistrations%2Fdev-01\n1893456000")
		for name, change := range map[string]func(*maker){
			"as the service makes it":   func(*maker) {},
			"without an outer wrapping": func(m *maker) { m.outer = false },
			"a key of 64 bytes":         func(m *maker) { m.key = random(64) },
			"with noDA":                 func(m *maker) { m.attributes |= 1 << 10 },
			"encrypted duplication":     func(m *maker) { m.attributes |= 1 << 11 },
			"bytes behind it":           func(m *maker) { m.tail = []byte{1, 2, 3} },
		} {
			m := newMaker(t, ek, srk)
			change(m)
			if err := device.Import(m.blob()); err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			signature, err := device.Sign(text)
			if err != nil || !bytes.Equal(signature, mac(m.key, text)) {
				t.Errorf("%s: %x, %v", name, signature, err)
			}
		}
		if _, err := device.Sign(make([]byte, 1025)); err == nil {
			t.Error("signed more than a TPM takes")
		}
	})
}

// A TPM refuses these; so must the emulated one, and keep the key that it had.
func TestABlobThatIsWrongIsRefused(t *testing.T) {
	flip := func(part, at int) func(m *maker) [][]byte {
		return func(m *maker) [][]byte {
			parts := m.parts()
			if at < 0 {
				at += len(parts[part])
			}
			parts[part][at] ^= 1
			return parts
		}
	}
	changed := func(change func(*maker)) func(m *maker) [][]byte {
		return func(m *maker) [][]byte {
			change(m)
			return m.parts()
		}
	}
	each(t, func(t *testing.T, device devwire.TPM) {
		ek, srk := keys(t, device)
		before := newMaker(t, ek, srk)
		if err := device.Import(before.blob()); err != nil {
			t.Fatal(err)
		}
		for name, parts := range map[string]func(m *maker) [][]byte{
			"the credential's integrity":  flip(0, 5),
			"the credential's ciphertext": flip(0, -1),
			"the credential's seed":       flip(1, 100),
			"the duplicate's integrity":   flip(2, 5),
			"the duplicate's ciphertext":  flip(2, -1),
			"the duplication seed":        flip(3, 100),
			"the public area":             flip(4, -1),
			"the public area's type":      flip(4, 3),
			"an inner key of 32 bytes":    changed(func(m *maker) { m.inner = random(32) }),
			"another SRK's name":          changed(func(m *maker) { m.srkName = name([]byte("another")) }),
			"to another EK":               changed(func(m *maker) { m.ek = m.srk }),
			"to another SRK":              changed(func(m *maker) { m.srk = m.ek }),
			"another label of the EK":     changed(func(m *maker) { m.identity = "IDENTITY" }),
			"another label of the SRK":    changed(func(m *maker) { m.duplicate = "IDENTITY\x00" }),
			"another object's name":       changed(func(m *maker) { m.object = func(p []byte) []byte { return name(p[1:]) } }),
			"a unique of another key":     changed(func(m *maker) { m.unique = func(u []byte) []byte { return hash(u) } }),
			"a key that is fixed":         changed(func(m *maker) { m.attributes |= 1<<1 | 1<<4 }),
			"a key that does not sign":    changed(func(m *maker) { m.attributes = 1 << 6 }),
			"a key without a user":        changed(func(m *maker) { m.attributes = 1 << 18 }),
			"no outer wrapping that must": changed(func(m *maker) { m.outer, m.attributes = false, m.attributes|1<<11 }),
			"a password":                  changed(func(m *maker) { m.auth = []byte("p") }),
			"without its last part":       func(m *maker) [][]byte { return m.parts()[:5] },
			"nothing":                     func(*maker) [][]byte { return nil },
		} {
			m := newMaker(t, ek, srk)
			if err := device.Import(join(parts(m)...)); err == nil {
				if signature, err := device.Sign([]byte("x")); err == nil && bytes.Equal(signature, mac(m.key, []byte("x"))) {
					t.Errorf("%s was imported", name)
				}
				// A key that cannot be used may be taken; put the old one back.
				if err := device.Import(before.blob()); err != nil {
					t.Fatal(err)
				}
			}
			if signature, err := device.Sign([]byte("x")); err != nil || !bytes.Equal(signature, mac(before.key, []byte("x"))) {
				t.Errorf("%s: the key before it is gone: %v", name, err)
			}
		}
	})
}

// The templates are byte for byte those of a TPM, the moduli apart.
func TestPublicAreasAreThoseOfATPM(t *testing.T) {
	device := hardware(t)
	defer device.Close()
	realEK, realSRK := keys(t, device)
	ek, srk := keys(t, emulated())
	if !bytes.Equal(ek[:60], realEK[:60]) || !bytes.Equal(srk[:28], realSRK[:28]) || len(ek) != len(realEK) || len(srk) != len(realSRK) {
		t.Errorf("EK  %x\nwas %x\nSRK %x\nwas %x", ek[:60], realEK[:60], srk[:28], realSRK[:28])
	}
	if got := base64.StdEncoding.EncodeToString(ek); !strings.HasPrefix(got, "AToAAQAL") {
		t.Errorf("EK %s", got)
	}
}

func TestKeysAtTheirUsualHandlesAreTaken(t *testing.T) {
	conn := software(t)
	for handle, of := range map[tpm2.TPMHandle]struct {
		hierarchy tpm2.TPMHandle
		template  tpm2.TPMTPublic
	}{0x81010001: {tpm2.TPMRHEndorsement, tpm2.RSAEKTemplate}, 0x81000001: {tpm2.TPMRHOwner, tpm2.RSASRKTemplate}} {
		made, err := tpm2.CreatePrimary{PrimaryHandle: of.hierarchy, InPublic: tpm2.New2B(of.template)}.Execute(conn)
		if err != nil {
			t.Fatal(err)
		}
		_, err = tpm2.EvictControl{Auth: tpm2.TPMRHOwner, PersistentHandle: handle,
			ObjectHandle: &tpm2.NamedHandle{Handle: made.ObjectHandle, Name: made.Name}}.Execute(conn)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := (tpm2.FlushContext{FlushHandle: made.ObjectHandle}).Execute(conn); err != nil {
			t.Fatal(err)
		}
	}
	device := tpm.Over(conn)
	ek, srk := keys(t, device)
	m := newMaker(t, ek, srk)
	if err := device.Import(m.blob()); err != nil {
		t.Fatal(err)
	}
	if signature, err := device.Sign([]byte("x")); err != nil || !bytes.Equal(signature, mac(m.key, []byte("x"))) {
		t.Errorf("%x, %v", signature, err)
	}
	loaded, err := tpm2.GetCapability{Capability: tpm2.TPMCapHandles, Property: 0x80000000, PropertyCount: 10}.Execute(conn)
	if err != nil {
		t.Fatal(err)
	}
	handles, err := loaded.CapabilityData.Data.Handles()
	if err != nil || len(handles.Handle) != 1 {
		t.Errorf("%v are loaded beside the identity key, %v", handles, err)
	}
	if err := device.Close(); err != nil {
		t.Error(err)
	}
}

func TestSameSeedSameTPM(t *testing.T) {
	a, b := tpm.New([]byte("a seed")), tpm.New([]byte("another seed"))
	ek, srk := keys(t, emulated())
	ekA, srkA := keys(t, a)
	ekB, srkB := keys(t, b)
	if !bytes.Equal(ek, ekA) || !bytes.Equal(srk, srkA) {
		t.Error("the keys of a seed differ")
	}
	if bytes.Equal(ekA, ekB) || bytes.Equal(srkA, srkB) || bytes.Equal(ekA[60:], srkA[28:]) {
		t.Error("keys of different seeds or purposes are the same")
	}
	// What TPMs are must not change between versions: enrollments outlive the program.
	if got := hex.EncodeToString(hash(ek, srk)[:8]); got != "e337da3819b19036" {
		t.Errorf("the TPM of the seed is %s, was another", got)
	}
}

func TestRegistrationID(t *testing.T) {
	ek, _ := keys(t, emulated())
	id := tpm.RegistrationID(ek)
	if len(id) != 52 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") != "" || id != tpm.RegistrationID(slices.Clone(ek)) {
		t.Errorf("%q", id)
	}
	if got := tpm.RegistrationID([]byte("abc")); got != "xj4bnp4pahh6uqkbidpf3lrceoyagyndsylxvhfucd7wd4qacwwq" {
		t.Errorf("of abc: %s", got) // SHA-256 of abc, FIPS 180-4
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	for _, path := range []string{"/does/not/exist", t.TempDir()} {
		if device, err := tpm.Open(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, %v", path, device, err)
		}
	}
}

func TestKeysAreNotPrinted(t *testing.T) {
	device := tpm.New([]byte("unspeakable"))
	ek, srk := keys(t, device)
	m := newMaker(t, ek, srk)
	m.key = []byte("unspeakable-key")
	if err := device.Import(m.blob()); err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{device, []any{struct{ T any }{device}}, devwire.Identity{TPM: device}} {
		text := fmt.Sprintf("%v %+v %#v %s %x %d", v, v, v, v, v, v) + format.Object(v, 1)
		b, _ := json.Marshal(v)
		text += string(b)
		for _, s := range []string{"unspeakable", hex.EncodeToString([]byte("unspeakable")), strings.Trim(fmt.Sprint([]byte("unspeakable")), "[]")} {
			if strings.Contains(text, s) {
				t.Errorf("%T prints its keys: %s", v, text)
			}
		}
	}
}

func FuzzImport(f *testing.F) {
	device := emulated()
	ek, _ := device.EndorsementKey()
	srk, _ := device.StorageRootKey()
	m := newMaker(&testing.T{}, ek, srk)
	f.Add(m.blob())
	m.outer = false
	f.Add(m.blob())
	f.Add([]byte{0, 1, 2})
	f.Fuzz(func(_ *testing.T, blob []byte) {
		device.Import(blob)
		tpm.SplitBlob(blob)
	})
}

func BenchmarkEndorsementKey(b *testing.B) {
	for i := 0; b.Loop(); i++ {
		if _, err := tpm.New([]byte(fmt.Sprint(i))).EndorsementKey(); err != nil {
			b.Fatal(err)
		}
	}
}
