package lab_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/lab"
)

// facts are what a lab keeps.
func facts(l *lab.Lab) map[string]string {
	f := map[string]string{
		"scope": l.Service.Scope(), "service": l.Service.ConnectionString(), "authority": string(l.State.CA()), "hosts": strings.Join(l.Hosts(), " "),
	}
	for _, h := range l.Hubs.Hubs() {
		f[h.Host()] = h.ConnectionString()
	}
	return f
}

func TestTheSameFolderIsTheSameLab(t *testing.T) {
	t.Parallel()
	o := quick()
	o.State = filepath.Join(t.TempDir(), "a", "b")
	var first map[string]string
	for _, kind := range []lab.KeyKind{lab.P256, lab.P256, lab.RSA} { // the kind of key is a matter of the run
		o.ServerKey = kind
		l := begin(t, o)
		if first == nil {
			first = facts(l)
		}
		if got := facts(l); !maps.Equal(got, first) {
			t.Errorf("with %s: got %v, want %v", kind, got, first)
		}
		c, err := dial(t, l, l.Hosts()[0])
		if err != nil {
			t.Fatalf("with %s: %v", kind, err)
		}
		if got := strings.ToLower(c.ConnectionState().PeerCertificates[0].PublicKeyAlgorithm.String()); (got == "rsa") != (kind == lab.RSA) {
			t.Errorf("with %s: a key of %s", kind, got)
		}
		c.Close()
	}
}

func TestNoFolderIsAnotherLabEachTime(t *testing.T) {
	t.Parallel()
	one, other := facts(begin(t, quick())), facts(begin(t, quick()))
	for name, value := range one {
		if other[name] == value {
			t.Errorf("%s is the same: %s", name, value)
		}
	}
}

func TestLabsThatStartAtOnceOnANewFolderAgree(t *testing.T) {
	t.Parallel()
	o := quick()
	o.State = filepath.Join(t.TempDir(), "lab")
	const many = 8
	var got [many]map[string]string
	var wg sync.WaitGroup
	for i := range many {
		wg.Go(func() {
			l, err := lab.Start(o)
			if err != nil {
				t.Error(err)
				return
			}
			got[i] = facts(l)
			ca, err := os.ReadFile(filepath.Join(o.State, "ca.pem"))
			if err != nil || string(ca) != string(l.State.CA()) {
				t.Errorf("the lab is up, and ca.pem is not its root: %v", err)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i := range got {
		if !maps.Equal(got[i], got[0]) {
			t.Errorf("%v\n%v", got[i], got[0])
		}
	}
	left, err := os.ReadDir(o.State)
	if err != nil || len(left) != 2 {
		t.Errorf("%v %v, want lab.json and ca.pem", err, left)
	}
}

func TestALostRootFileIsWrittenAgain(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	want, err := lab.ExportCA(folder, clock.System().Now())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "ca.pem")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, err := lab.ExportCA(folder, clock.System().Now()); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != string(want) {
		t.Errorf("%v %s", err, got)
	}
}

func TestAStateThatIsNotWholeIsRefused(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if _, err := lab.ExportCA(folder, clock.System().Now()); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "lab.json")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(whole, &members); err != nil {
		t.Fatal(err)
	}
	broken := map[string][]byte{"half a file": whole[:len(whole)/2], "nothing": nil, "no object": []byte("[]")}
	for name := range members {
		if name == "keyKind" { // only says whether the key can be taken as it is
			continue
		}
		without := maps.Clone(members)
		delete(without, name)
		if broken["without "+name], err = json.Marshal(without); err != nil {
			t.Fatal(err)
		}
	}
	for rule, text := range broken {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		o := quick()
		o.State = folder
		l, err := lab.Start(o)
		if err == nil {
			l.Close()
		}
		if err == nil || !strings.Contains(err.Error(), file) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", rule, err)
		}
		if left, err := os.ReadFile(file); err != nil || string(left) != string(text) {
			t.Errorf("%s: the file was touched: %v", rule, err)
		}
	}
}

func TestWriteFileIsWholeOrNotThere(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "f")
	for _, text := range []string{"one", "two"} {
		if err := lab.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != text {
			t.Errorf("%q %v", got, err)
		}
	}
	if err := os.Mkdir(filepath.Join(folder, "d"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := lab.WriteFile(filepath.Join(folder, "d"), []byte("x"), 0o600); err == nil {
		t.Error("a folder was replaced")
	}
	left, err := os.ReadDir(folder)
	if err != nil || len(left) != 2 {
		t.Errorf("%v %v", err, left)
	}
}
