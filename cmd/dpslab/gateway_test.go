package main

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/dpslab/dpslab/reports"
)

// tcpProxy passes connections on to a port of this machine. It is the gateway of the
// example: whoever stands before one port of a service hides all others.
type tcpProxy struct {
	port   int
	passed atomic.Int64
}

func startProxy(t *testing.T, to int) *tcpProxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &tcpProxy{port: listener.Addr().(*net.TCPAddr).Port}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			p.passed.Add(1)
			open.Go(func() { relay(near, to) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		open.Wait()
	})
	return p
}

func relay(near net.Conn, to int) {
	defer near.Close()
	far, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(to)))
	if err != nil {
		return
	}
	defer far.Close()
	done := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		go func() {
			io.Copy(way[0], way[1])
			way[0].(*net.TCPConn).CloseWrite()
			done <- struct{}{}
		}()
	}
	<-done
	<-done
}

// gatewayFile is the example's target file with the gateway's port, beside its hook.
func gatewayFile(t *testing.T, port int) string {
	t.Helper()
	folder := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(folder, "enroll"), "../../docs/examples/gateway/hook")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile("../../docs/examples/gateway/target.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "target.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), "8883", strconv.Itoa(port), 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestAGatewayWithoutAServiceAPI(t *testing.T) {
	t.Parallel()
	lab := up(t, "--hubs", "1").open(t)
	before := shelves(t, lab)
	gateway := startProxy(t, lab.target.DPS.Ports.MQTTS)
	file, report := gatewayFile(t, gateway.port), t.TempDir()

	p := start(t, lab.env, "dpslab", "conformance", "--target", file, "--report-dir", report)
	if code := p.waitFor(t, longPatience); code != exitPassed {
		t.Fatalf("%s", p)
	}
	run, _ := readReports(t, report)
	if run.Counts.Failed+run.Counts.Errors > 0 || run.Counts.Passed < 100 || gateway.passed.Load() < 100 {
		t.Errorf("%+v over %d connections", run.Counts, gateway.passed.Load())
	}
	families := map[string]int{}
	for _, r := range run.Results {
		switch {
		case r.Outcome == reports.Passed:
			families[clauseOf(run, r).Family()]++
			if r.Transport != "mqtt" && r.Transport != "none" {
				t.Errorf("%s passed over what the gateway does not have", r.Name())
			}
		case r.Transport != "mqtt" && r.Transport != "none" && !strings.HasPrefix(r.Reason, "transport "+r.Transport+" is not claimed"):
			t.Errorf("%s: %s", r.Name(), r.Reason)
		case !strings.Contains(r.Reason, "needs ") && !strings.Contains(r.Reason, "is not claimed"):
			t.Errorf("%s is %s: %q", r.Name(), r.Outcome, r.Reason)
		}
	}
	for _, family := range []string{"MQTT", "SAS", "X509", "HUB"} {
		if families[family] == 0 {
			t.Errorf("nothing of %s ran: %v", family, families)
		}
	}
	if after := shelves(t, lab); after != before {
		t.Errorf("the hooks left behind\n%s\nwhere there was\n%s", after, before)
	}

	// The plan of that run needs neither the gateway nor its hooks.
	passed := gateway.passed.Load()
	p = start(t, lab.env, "dpslab", "conformance", "--target", file, "--dry-run")
	if code := p.waitFor(t, longPatience); code != exitPassed || gateway.passed.Load() != passed {
		t.Errorf("%s, %d connections", p, gateway.passed.Load()-passed)
	}
	for _, part := range []string{strconv.Itoa(run.Counts.Passed) + " would run", "transport https is not claimed", "enrollments", "DPS-SVC-001"} {
		if !strings.Contains(p.stdout.String(), part) {
			t.Errorf("the plan does not say %q: %s", part, p)
		}
	}
}
