package sut_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/suites/sut"
)

const lab = `dpslab: target/v1
dps:
  host: global.azure-devices-provisioning.net
  id_scope: 0ne00DEMO01
  address: 127.0.0.1
  ports: {https: 8443, mqtts: 8884}
  service_connection_string: HostName=dpslab-1.azure-devices-provisioning.net;SharedAccessKeyName=owner;SharedAccessKey=${KEY}
ca_file: ca.pem
hubs:
  - host: dpslab-1-hub-1.azure-devices.net
    connection_string: ${HUB}
control:
  url: https://127.0.0.1:9443
  token: ${TOKEN}
`

var environment = map[string]string{"KEY": "c2VjcmV0", "HUB": "HostName=h;SharedAccessKey=x", "TOKEN": "tttt"}

func lookup(name string) (string, bool) { v, ok := environment[name]; return v, ok }

func TestParseResolvesReferencesAndFillsIn(t *testing.T) {
	got, err := sut.Parse([]byte(lab), 0o644, lookup)
	if err != nil {
		t.Fatal(err)
	}
	if got.DPS.ServiceConnectionString.Reveal() != "HostName=dpslab-1.azure-devices-provisioning.net;SharedAccessKeyName=owner;SharedAccessKey=c2VjcmV0" {
		t.Errorf("the key was not put in")
	}
	if got.DPS.ServiceHost != "dpslab-1.azure-devices-provisioning.net" {
		t.Errorf("service host %q", got.DPS.ServiceHost)
	}
	if h := got.Hubs[0]; h.Address != "127.0.0.1" || h.Ports != got.DPS.Ports {
		t.Errorf("the hub did not take the service's address and ports: %+v", h)
	}
	if ep := got.Device(); ep.Host != got.DPS.Host || ep.MQTTSPort != 8884 || ep.AMQPSPort != 0 {
		t.Errorf("endpoint %+v", ep)
	}
	for what, shown := range map[string]string{"%v": fmt.Sprintf("%v", got), "%+v": fmt.Sprintf("%+v", got), "%#v": fmt.Sprintf("%#v", got)} {
		if strings.Contains(shown, "c2VjcmV0") || strings.Contains(shown, "tttt") {
			t.Errorf("%s shows a secret: %s", what, shown)
		}
	}
	if shown, _ := json.Marshal(got); strings.Contains(string(shown), "c2VjcmV0") {
		t.Errorf("JSON shows a secret: %s", shown)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct {
		rule, old, new string
		mode           fs.FileMode
		says           []string
	}{
		{"an unknown field, with its place", "address: 127", "adress: 127", 0o600, []string{"[5:3]", "adress"}},
		{"another kind of file", "target/v1", "lab/v1", 0o600, []string{"lab/v1", "target/v1"}},
		{"a field of another type", "8443", "secure", 0o600, []string{"[6:"}},
		{"a literal token in a readable file", "${TOKEN}", "sEcReT", 0o640, []string{"[14:10]", "control.token", "0600"}},
		{"a literal key in a readable file", "${KEY}", "sEcReT", 0o644, []string{"[7:", "service_connection_string", "0600"}},
		{"a literal hub string in a readable file", "${HUB}", "HostName=${X};SharedAccessKey=sEcReT", 0o604, []string{"[11:", "hubs[0].connection_string", "0600"}},
		{"a reference to nothing", "${TOKEN}", "${NOBODY}", 0o600, []string{"[14:10]", "${NOBODY}", "not set"}},
		{"no host", "  host: global.azure-devices-provisioning.net\n", "", 0o600, []string{"dps.host", "missing"}},
		{"no address without foreign", "  address: 127.0.0.1\n", "", 0o600, []string{"dps.address", "foreign: true"}},
		{"a control port without TLS", "https://127.0.0.1:9443", "http://127.0.0.1:9443", 0o600, []string{"[13:8]", "https"}},
		{"broken YAML, without quoting it", "  id_scope: 0ne00DEMO01", "  id_scope: sEcReT: [", 0o600, []string{"[4:"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			text := strings.Replace(lab, c.old, c.new, 1)
			if text == lab {
				t.Fatal("the case changes nothing")
			}
			_, err := sut.Parse([]byte(text), c.mode, lookup)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, part := range c.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
			if strings.Contains(err.Error(), "sEcReT") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q quotes the file or takes more than a line", err)
			}
		})
	}
}

func TestALiteralSecretNeedsAPrivateFile(t *testing.T) {
	text := strings.Replace(lab, "${TOKEN}", "literal", 1)
	if _, err := sut.Parse([]byte(text), 0o600, lookup); err != nil {
		t.Fatal(err)
	}
}

func TestWhatMarshalWritesLoads(t *testing.T) {
	want, err := sut.Parse([]byte(lab), 0o644, lookup)
	if err != nil {
		t.Fatal(err)
	}
	text, err := sut.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "target.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := sut.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.CAFile != filepath.Join(filepath.Dir(file), "ca.pem") {
		t.Errorf("ca_file %q is not beside the target file", got.CAFile)
	}
	got.File, got.CAFile = want.File, want.CAFile
	if fmt.Sprint(got.Control.Token.Reveal(), got.DPS, got.Hubs) != fmt.Sprint(want.Control.Token.Reveal(), want.DPS, want.Hubs) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if got.DPS.ServiceConnectionString != want.DPS.ServiceConnectionString || got.Hubs[0] != want.Hubs[0] {
		t.Error("a secret did not survive")
	}
	if _, err := got.Roots(); err == nil || !strings.Contains(err.Error(), "ca_file") {
		t.Errorf("a missing ca_file: %v", err)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := sut.Load(file); err == nil {
		t.Error("a readable file with literal secrets was loaded")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(lab))
	f.Add([]byte("dpslab: target/v1\ndps: {host: h, id_scope: s, address: a}\ncontrol: {url: 'https://x', token: '${TOKEN}'}"))
	f.Add([]byte("hubs: [{}]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := sut.Parse(text, 0o600, lookup)
		if err != nil {
			return
		}
		again, err := sut.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sut.Parse(again, 0o600, lookup); err != nil {
			t.Fatalf("what Marshal wrote is refused: %v\n%s", err, again)
		}
	})
}
