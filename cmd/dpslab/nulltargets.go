package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/suites"
	"github.com/dpslab/dpslab/suites/engine"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/sut"
)

// nullTargets runs every check against targets that do nothing right. A check that passes
// there checks nothing.
func (s *selfcheck) nullTargets(ctx context.Context) error {
	folder, err := os.MkdirTemp("", "dpslab-null-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	root, err := pki.NewRoot("null targets", pki.Options{Now: clock.System().Now()})
	if err != nil {
		return err
	}
	caFile := filepath.Join(folder, "ca.pem")
	if err := os.WriteFile(caFile, pki.PEM(root.Certificate), 0o644); err != nil {
		return err
	}
	closed, err := closedPort()
	if err != nil {
		return err
	}
	yes, stop, err := alwaysYes(root)
	if err != nil {
		return err
	}
	defer stop()
	for _, null := range []struct {
		name string
		port int
	}{{"a closed port", closed}, {"a server that answers 200 to everything", yes}} {
		passed, err := s.passes(ctx, nullTarget(null.port, caFile))
		if err != nil {
			return fmt.Errorf("%s: %w", null.name, err)
		}
		if len(passed) > 0 {
			s.missed++
		}
		fmt.Fprintf(s.cmd.OutOrStdout(), "%s passes %d checks\n", null.name, len(passed))
		for _, r := range passed {
			fmt.Fprintf(s.cmd.OutOrStdout(), "  %s\n", r.Name())
		}
	}
	return nil
}

func nullTarget(port int, caFile string) sut.Target {
	ports := sut.Ports{HTTPS: port, MQTTS: port, AMQPS: port}
	secret := func(host string) sut.Secret {
		return sut.Secret("HostName=" + host + ";SharedAccessKeyName=owner;SharedAccessKey=bnVsbCBudWxsIG51bGwgbnVsbA==")
	}
	return sut.Target{
		DPS: sut.DPS{
			Host: nullDPS, ServiceHost: nullDPS, IDScope: "0ne00000000", Address: "127.0.0.1", Ports: ports,
			ServiceConnectionString: secret(nullDPS),
		},
		Hubs:   []sut.Hub{{Host: nullHub, Address: "127.0.0.1", Ports: ports, ConnectionString: secret(nullHub)}},
		CAFile: caFile,
	}
}

const (
	nullDPS = "null.azure-devices-provisioning.net"
	nullHub = "null.azure-devices.net"
)

// passes lists the checks that the target passes.
func (s *selfcheck) passes(ctx context.Context, t sut.Target) ([]reports.Result, error) {
	env, err := harness.Open(ctx, t)
	if err != nil {
		return nil, err
	}
	// It answers at once or never: waiting as long as a real service may take tells nothing.
	env.Timeouts = harness.LabTimeouts().Scaled(0.2)
	run, err := engine.Run(ctx, env, suites.All(), engine.Options{Parallel: s.parallel})
	if err != nil {
		return nil, err
	}
	var passed []reports.Result
	for _, r := range run.Results {
		if r.Outcome == reports.Passed {
			passed = append(passed, r)
		}
	}
	return passed, ctx.Err()
}

// closedPort is a port that nobody listens on.
func closedPort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// alwaysYes answers every HTTP request with 200 and an empty object, and nothing else with anything.
func alwaysYes(root *pki.Authority) (port int, stop func(), err error) {
	certificate, err := root.Server([]string{nullDPS, nullHub}, nil, pki.Options{Now: clock.System().Now()})
	if err != nil {
		return 0, nil, err
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}, ClientAuth: tls.RequestClientCert})
	if err != nil {
		return 0, nil, err
	}
	server := &http.Server{
		ReadTimeout: 10 * time.Second,
		ErrorLog:    log.New(io.Discard, "", 0), // what checks send it is no news
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			io.WriteString(w, "{}")
		}),
	}
	done := make(chan struct{})
	go func() { server.Serve(l); close(done) }()
	return l.Addr().(*net.TCPAddr).Port, func() { server.Close(); <-done }, nil
}
