package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/suites/sut"
)

// The targets of these files are a listener that counts, by address and by the proxy of the environment.
func TestNoConnectionIsMadeToATargetThatIsOnlyReadAbout(t *testing.T) {
	t.Parallel()
	var tripped atomic.Int64
	address := listenFor(t, func(c net.Conn) {
		tripped.Add(1)
		c.Close()
	}).String()
	host, port, _ := net.SplitHostPort(address)
	env := environment(t, "HTTPS_PROXY=http://"+address, "HTTP_PROXY=http://"+address, "KEY=HostName=dps.test;SharedAccessKeyName=o;SharedAccessKey=c2VjcmV0")
	own := fmt.Sprintf("dpslab: target/v1\ndps:\n  host: dps.test\n  id_scope: 0ne00DEMO01\n  address: %s\n  ports: {https: %s, mqtts: %s, amqps: %s}\n", host, port, port, port)
	foreign := "dpslab: target/v1\nforeign: true\ndps:\n  host: global.azure-devices-provisioning.net\n  id_scope: 0ne00DEMO01\n"
	const key = "  service_connection_string: ${KEY}\n"
	literal := "  service_connection_string: HostName=dps.test;SharedAccessKeyName=o;SharedAccessKey=c2VjcmV0\n"
	hubs := "hubs:\n  - {host: hub.test, connection_string: \"${KEY}\"}\n"
	for _, c := range []struct {
		rule, text string
		args       []string
		code       int
		says       string
	}{
		{"a dry run", own + key + hubs, []string{"--dry-run", "--label-filter", "family:SAS"}, exitPassed, "nothing was sent to it"},
		{"a dry run of a foreign target", foreign + key, []string{"--dry-run", "--label-filter", "family:SAS || family:X509"}, exitPassed, "needs a verified CA"},
		{"a literal key in a readable file", own + literal, nil, exitUntestable, "target.yaml: [7:"},
		{"a literal key in a readable file of a foreign target", foreign + literal, nil, exitUntestable, "target.yaml: [6:"},
		{"an unknown field", own + key + "hots: h\n", nil, exitUntestable, "hots"},
		{"a literal key, to clean", foreign + literal, []string{"clean"}, exitUntestable, "0600"},
		{"a foreign name without foreign", strings.Replace(foreign, "foreign: true\n", "", 1) + key, nil, exitUntestable, "foreign: true"},
	} {
		file := filepath.Join(t.TempDir(), "target.yaml")
		if err := os.WriteFile(file, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		args := append([]string{"conformance"}, c.args...)
		p := start(t, env, "dpslab", append(args, "--target", file)...)
		if p.waitFor(t, longPatience) != c.code || !strings.Contains(p.all(), c.says) {
			t.Errorf("%s: %s", c.rule, p)
		}
		if n := tripped.Swap(0); n != 0 {
			t.Errorf("%s: %d connections", c.rule, n)
		}
	}
}

func TestAClosedPortIsToldWhateverTheTargetSpeaks(t *testing.T) {
	t.Parallel()
	lab := up(t).open(t)
	for _, c := range []struct {
		rule       string
		transports []string
		ports      func(closed, silent int) sut.Ports
	}{
		{"mqtt alone, closed", []string{"mqtt"}, func(closed, _ int) sut.Ports { return sut.Ports{MQTTS: closed} }},
		{"mqtt alone, silent", []string{"mqtt"}, func(_, silent int) sut.Ports { return sut.Ports{MQTTS: silent} }},
		{"websockets alone, closed", []string{"mqtt-ws"}, func(closed, _ int) sut.Ports { return sut.Ports{HTTPS: closed} }},
		{"everything, one closed and the others silent", nil, func(closed, silent int) sut.Ports {
			return sut.Ports{HTTPS: closed, MQTTS: silent, AMQPS: silent}
		}},
	} {
		target := lab.target
		target.Control, target.Hubs = nil, nil
		target.DPS.ServiceConnectionString = ""
		target.Enrollments = []sut.Enrollment{{GroupID: "line-a", PrimaryKey: "c2VjcmV0", SecondaryKey: "c2VjcmV0"}}
		target.Capabilities.Transports = c.transports
		target.DPS.Ports = c.ports(closedPortOf(t), silentPort(t))
		elapsed := clock.Stopwatch()
		p := invoke(t, environment(t), "dpslab", "conformance", "--target", writeTarget(t, target))
		if took := elapsed().Seconds(); p.code != exitUntestable || p.stdout.String() != "" || took > 10 {
			t.Errorf("%s: after %.1f s %s", c.rule, took, p)
		}
		oneLineOf(t, p, "no service to check: ")
	}
}

func TestAClaimThatIsContradictedFailsTheRun(t *testing.T) {
	t.Parallel()
	lab := up(t).open(t)
	for _, c := range []struct {
		rule   string
		change func(target *sut.Target)
		says   []string
	}{
		{"what is claimed and not there", func(target *sut.Target) { target.DPS.Ports.MQTTS = closedPortOf(t) },
			[]string{"FAILED the claim of transport mqtt\n", "refused", "capabilities.transports", "is claimed and was not seen"}},
		{"what is there and not claimed", func(target *sut.Target) { target.Capabilities.Transports = []string{"https", "mqtt"} },
			[]string{"FAILED the claim of transport mqtt-ws\n", "not claimed, seen: yes", "add mqtt-ws", "transport mqtt-ws is not claimed"}},
		{"a key that the service does not take", func(target *sut.Target) {
			target.DPS.ServiceConnectionString = sut.Secret(strings.Replace(target.DPS.ServiceConnectionString.Reveal(), "SharedAccessKey=", "SharedAccessKey=AAAA", 1))
			target.Capabilities.Transports = nil
		}, []string{"FAILED the claim of service API\n", "401", "service_connection_string"}},
	} {
		target := lab.target
		target.Control = nil
		c.change(&target)
		p := invoke(t, environment(t), "dpslab", "conformance", "--target", writeTarget(t, target), "--label-filter", "spec:DPS-MQTT-001 || spec:DPS-HTTPS-009")
		if want := map[bool]int{true: exitUntestable, false: exitWrong}[strings.Contains(p.stdout.String(), "ERROR ")]; p.code != want {
			t.Errorf("%s: %s", c.rule, p)
		}
		for _, part := range c.says {
			if !strings.Contains(p.stdout.String(), part) {
				t.Errorf("%s: not said %q: %s", c.rule, part, p)
			}
		}
	}
}

func TestKnownFailures(t *testing.T) {
	t.Parallel()
	lab := up(t).open(t)
	control, file := lab.control(t), withoutControl(t, lab)
	known := func(text string) string {
		path := filepath.Join(t.TempDir(), "known.yaml")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ours := known("dpslab: known-failing/v1\nfailing:\n  - {id: DPS-HTTPS-001, reason: ticket 7}\n")
	run := func(file string, more ...string) *process {
		return invoke(t, environment(t), "dpslab", append([]string{"conformance", "--target", file, "--focus-id", "DPS-HTTPS-001", "--focus-id", "DPS-HTTPS-009"}, more...)...)
	}
	// Nothing is broken yet: the entry is stale.
	if p := run(file, "--known-failing", ours); p.code != exitWrong || !strings.Contains(p.stdout.String(), "FAILED to fail: DPS-HTTPS-001\n") || !strings.Contains(p.stdout.String(), "ticket 7") {
		t.Errorf("%s", p)
	}
	armDefault(t, control, "https-register-200")
	if p := run(file); p.code != exitWrong {
		t.Errorf("unknown: %s", p)
	}
	report := t.TempDir()
	p := run(file, "--known-failing", ours, "--report-dir", report)
	if p.code != exitPassed || !strings.Contains(p.stdout.String(), "known to fail: DPS-HTTPS-001 over https") || !strings.Contains(p.stdout.String(), "1 failed (1 known)") {
		t.Errorf("known: %s", p)
	}
	if read, _ := readReports(t, report); read.Verdict() != reports.Passed || read.Counts.Known != 1 {
		t.Errorf("%s %+v", read.Verdict(), read.Counts)
	}
	for rule, c := range map[string]struct{ text, says string }{
		"another kind of file":     {"dpslab: target/v1\n", "known-failing/v1"},
		"an unknown requirement":   {"dpslab: known-failing/v1\nfailing:\n  - {id: DPS-HTTPS-999, reason: r}\n", `"DPS-HTTPS-999"`},
		"no reason":                {"dpslab: known-failing/v1\nfailing:\n  - {id: DPS-HTTPS-001}\n", "no reason"},
		"a transport it is not on": {"dpslab: known-failing/v1\nfailing:\n  - {id: DPS-HTTPS-001, transport: mqtt, reason: r}\n", `"mqtt"`},
		"an entry twice":           {"dpslab: known-failing/v1\nfailing:\n  - {id: DPS-HTTPS-001, reason: r}\n  - {id: DPS-HTTPS-001, transport: https, reason: r}\n", "already"},
		"an unknown field":         {"dpslab: known-failing/v1\nfailing:\n  - {id: DPS-HTTPS-001, why: r}\n", "[3:"},
	} {
		p := run(file, "--known-failing", known(c.text))
		if p.code != exitUntestable {
			t.Errorf("%s: %s", rule, p)
		}
		oneLineOf(t, p, c.says)
	}
}

// Every check that claims to run at a service that nobody controls passes there, and leaves
// nothing behind.
func TestALabWithoutControlConforms(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a minute or two, most of it waiting")
	}
	t.Parallel()
	lab := serveLab(t, environment(t), "up", "--retry-after", "1s").open(t)
	strangers(t, lab)
	before, report := shelves(t, lab), t.TempDir()
	p := start(t, environment(t), "dpslab", "conformance", "--target", withoutControl(t, lab), "--report-dir", report)
	if code := p.waitFor(t, longPatience); code != exitPassed {
		t.Fatalf("%s", p)
	}
	run, _ := readReports(t, report)
	for _, r := range run.Results {
		if r.Outcome != reports.Passed && !strings.HasPrefix(r.Reason, "needs ") {
			t.Errorf("%s is %s: %s", r.Name(), r.Outcome, r.Reason)
		}
	}
	if run.Counts.Passed < 4*run.Counts.Skipped {
		t.Errorf("%d passed, %d skipped", run.Counts.Passed, run.Counts.Skipped)
	}
	if after := shelves(t, lab); after != before {
		t.Errorf("there is\n%s\nwhere there was\n%s", after, before)
	}
}
