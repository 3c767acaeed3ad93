package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// upRunning runs `dpslab up -- ` this binary in a role.
func upRunning(t *testing.T, env []string, role string, args ...string) *process {
	t.Helper()
	return invoke(t, env, "dpslab", commandLine(t, role, args...)...)
}

func commandLine(t *testing.T, role string, args ...string) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return append([]string{"up", "--auto-ports", "--server-key", "p256", "--hubs", "1", "--", self, "as:" + role}, args...)
}

func TestACommandGetsTheLabsEnvironment(t *testing.T) {
	t.Parallel()
	env := environment(t, "KEPT=yes", "DPSLAB_ID_SCOPE=of another lab", "SSL_CERT_FILE=/other.pem",
		"HTTPS_PROXY=http://127.0.0.1:1", "https_proxy=http://127.0.0.1:1", "HTTP_PROXY=http://127.0.0.1:1", "http_proxy=http://127.0.0.1:1",
		"ALL_PROXY=socks5://127.0.0.1:1", "all_proxy=socks5://127.0.0.1:1", "NO_PROXY=localhost", "no_proxy=localhost")
	p := upRunning(t, env, "env")
	var told []string
	if err := json.Unmarshal([]byte(p.stdout.String()), &told); err != nil || p.code != exitPassed {
		t.Fatalf("%v %s", err, p)
	}
	got := map[string]string{}
	for _, pair := range told {
		name, value, _ := strings.Cut(pair, "=")
		got[name] = value
	}
	for _, name := range documented {
		if value, there := got[name]; there == strings.HasPrefix(name, "DPSLAB_HUB_2") || value == "" && there {
			t.Errorf("%s=%q", name, value)
		}
	}
	if got["DPSLAB_ID_SCOPE"] == "of another lab" || got["KEPT"] != "yes" {
		t.Errorf("scope %q, another variable %q", got["DPSLAB_ID_SCOPE"], got["KEPT"])
	}
	for _, name := range []string{"NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"} {
		if got[name] != got["DPSLAB_CA_FILE"] || !filepath.IsAbs(got[name]) {
			t.Errorf("%s=%q, the lab's authority is %q", name, got[name], got["DPSLAB_CA_FILE"])
		}
	}
	for name := range got {
		if strings.HasSuffix(strings.ToUpper(name), "_PROXY") {
			t.Errorf("%s=%s is left", name, got[name])
		}
	}
}

func TestTheCodeOfACommandIsPassedOn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule, code string
		want       int
	}{{"success", "0", 0}, {"the code of a red verdict", "1", 1}, {"any other", "77", 77}} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			if p := upRunning(t, environment(t), "exit", c.code); p.code != c.want || p.all() != "" {
				t.Errorf("want %d and no word of its own: %s", c.want, p)
			}
		})
	}
}

func TestACommandThatCannotBeStarted(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	noProgram := filepath.Join(folder, "data.txt")
	if err := os.WriteFile(noProgram, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"no-such-command-anywhere", filepath.Join(folder, "missing"), noProgram, folder} {
		p := invoke(t, environment(t), "dpslab", "up", "--auto-ports", "--server-key", "p256", "--", command)
		if p.code != exitUntestable {
			t.Errorf("exit code %d", p.code)
		}
		oneLineOf(t, p, "cannot run", command)
	}
}

func TestACommandStandsBehindDashes(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"up", "true"}, {"up", "true", "--", "true"}, {"up", "--"}} {
		if p := invoke(t, environment(t), "dpslab", args...); p.code != exitUntestable {
			t.Errorf("%s", p)
		} else {
			oneLineOf(t, p, "--; try: dpslab up --help")
		}
	}
}
