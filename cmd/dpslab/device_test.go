package main

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/devwire"
)

func TestADeviceByEachProofOverEachTransport(t *testing.T) {
	t.Parallel()
	lab := up(t)
	key := base64.StdEncoding.EncodeToString([]byte("group-key-group-key-group-key-group-key-group-key-group-key-0123"))
	plant := t.TempDir() + "/plant"
	for _, args := range [][]string{
		{"group", "line-a", "--key=" + key, "--secondary-key", key}, {"group", "plant-b", "--new-root", plant},
		{"individual", "pump-1", "--key=" + key, "--secondary-key", key, "--device-id", "pump-one"},
	} {
		if p := lab.dpslab(t, append([]string{"enroll"}, args...)...); p.code != exitPassed {
			t.Fatalf("%s", p)
		}
	}
	derived := base64.StdEncoding.EncodeToString(devwire.DeriveKey([]byte("group-key-group-key-group-key-group-key-group-key-group-key-0123"), "dev-4"))
	for _, c := range []struct {
		id   string
		as   string
		args []string
	}{
		{"dev-1", "dev-1", []string{"--from-group", "line-a"}},
		{"dev-2", "dev-2", []string{"--group-key", key, "--transport", "mqtt"}},
		{"pump-1", "pump-one", []string{"--from-enrollment", "--transport", "mqtt-ws"}},
		{"dev-4", "dev-4", []string{"--key", derived, "--transport", "mqtt-ws", "--payload", `{"modelId":"dtmi:demo:thing;1"}`}},
		{"meter-5", "meter-5", []string{"--issuer", plant}},
		{"meter-6", "meter-6", []string{"--issuer", plant, "--transport", "mqtt", "-n", "3", "--interval", "1ms"}},
		{"meter-7", "meter-7", []string{"--issuer", plant, "--transport", "mqtt-ws", "-n", "0"}},
	} {
		p := lab.dpslab(t, append([]string{"device", c.id}, c.args...)...)
		if p.code != exitPassed || p.stderr.String() != "" || !strings.Contains(p.stdout.String(), " as "+c.as+"\n") {
			t.Errorf("%s", p)
		}
		if messages := "1 of 1"; c.id == "meter-6" {
			messages = "3 of 3"
			if !strings.Contains(p.stdout.String(), messages) {
				t.Errorf("%s", p)
			}
		}
		steps := []string{"connect", "register", "poll", "disconnect", "hub connect", "hub twin", "hub disconnect"}
		at := 0
		for _, step := range steps {
			i := strings.Index(p.stdout.String()[at:], "s  "+step+" ")
			if i < 0 {
				t.Errorf("%s is not among the steps, or not in order: %s", step, p)
				break
			}
			at += i + 1
		}
	}
}

func TestARefusedDeviceExitsWithOne(t *testing.T) {
	t.Parallel()
	lab := up(t)
	if p := lab.dpslab(t, "enroll", "individual", "off-1", "--key", "--disabled"); p.code != exitPassed {
		t.Fatalf("%s", p)
	}
	wrong := base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
	for _, transport := range []string{"https", "mqtt", "mqtt-ws", "amqp", "amqp-ws"} {
		for rule, args := range map[string][]string{
			"nobody knows it":        {"device", "stranger", "--key", wrong},
			"a wrong key":            {"device", "off-1", "--key", wrong},
			"a disabled enrollment":  {"device", "off-1", "--from-enrollment"},
			"a root nobody enrolled": {"device", "stranger", "--issuer", strangersRoot(t)},
		} {
			p := lab.dpslab(t, append(args, "--transport", transport, "--patience", "5s")...)
			if p.code != exitWrong || strings.Contains(p.all(), wrong) {
				t.Errorf("%s: %s", rule, p)
			}
			oneLineOfStderr(t, p)
		}
	}
}

func strangersRoot(t *testing.T) string {
	t.Helper()
	folder := t.TempDir() + "/root"
	if err := makeRoot(folder, "stranger"); err != nil {
		t.Fatal(err)
	}
	return folder
}

func TestADeviceThatCannotTry(t *testing.T) {
	t.Parallel()
	lab := up(t)
	for _, c := range []struct{ line, says string }{
		{"", "--from-group, --key, --group-key, --certificate, --issuer"},
		{"--key !!", "not base64"},
		{"--key YWJj --transport carrier-pigeon", `--transport "carrier-pigeon"`},
		{"--key YWJj --payload {", `--payload "{"`},
		{"--from-group nobody", "404"},
		{"--from-enrollment", "404"},
		{"--issuer /missing", "/missing/root.pem"},
		{"--certificate /missing.pem", "/missing.pem"},
		{"--key YWJj --target /missing.yaml", "/missing.yaml"},
	} {
		p := lab.dpslab(t, append([]string{"device", "dev-01"}, strings.Fields(c.line)...)...)
		if p.code != exitUntestable {
			t.Errorf("%s", p)
		}
		oneLineOfStderr(t, p, c.says)
	}
	lab.interrupt()
	lab.wait(t)
	for _, transport := range []string{"https", "mqtt", "mqtt-ws", "amqp", "amqp-ws"} {
		p := lab.dpslab(t, "device", "dev-01", "--key", "YWJj", "--transport", transport, "--patience", "1s")
		if p.code != exitUntestable {
			t.Errorf("%s", p)
		}
		oneLineOfStderr(t, p, "connection refused")
	}
}
