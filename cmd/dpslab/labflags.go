package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/lab"
	"github.com/dpslab/dpslab/reference/quota"
)

// labFlags are what every command that runs a server takes.
type labFlags struct {
	state, listen, control, hubDomain, scope, serverKey string
	httpsPort, mqttsPort, amqpsPort                     int
	standardPorts, autoPorts, verbose, noTranscript     bool
	limits                                              bool
	envFile, targetFile, data                           string
	retryAfter                                          time.Duration
}

func (f *labFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.state, "state", defaultState(), "state folder: authority, names, id scope; empty keeps nothing")
	flags.StringVar(&f.data, "data", "", "keep enrollments, registrations, identities and twins in this folder (default: in memory)")
	flags.StringVar(&f.listen, "listen", "127.0.0.1", "IP address to listen on")
	flags.StringVar(&f.control, "control-listen", "", "address of the control port (default: the listen address, a free port)")
	flags.StringVar(&f.hubDomain, "hub-domain", "azure-devices.net", "domain of the hubs' names")
	flags.StringVar(&f.scope, "id-scope", "", "id scope, for devices that have it burnt in (default: the state's)")
	flags.StringVar(&f.serverKey, "server-key", "rsa", "server certificates: rsa or p256")
	flags.IntVar(&f.httpsPort, "https-port", 8443, "port of HTTPS and both WebSocket protocols")
	flags.IntVar(&f.mqttsPort, "mqtts-port", 8883, "port of MQTT")
	flags.IntVar(&f.amqpsPort, "amqps-port", 5671, "port of AMQP")
	flags.BoolVar(&f.standardPorts, "standard-ports", false, "use 443, 8883 and 5671, as official SDKs do")
	flags.BoolVar(&f.autoPorts, "auto-ports", false, "use free ports")
	flags.StringVar(&f.envFile, "env-file", "", "write DPSLAB_… variables here once everything listens (mode 0600)")
	flags.StringVar(&f.targetFile, "target-file", "", "write a target/v1 file here once everything listens (mode 0600)")
	flags.DurationVar(&f.retryAfter, "retry-after", 3*time.Second, "what an assigning answer asks devices to wait, whole seconds")
	flags.BoolVar(&f.limits, "limits", false, "hold clients to the documented limits: 1,000 registrations and operations a minute, 5 polls of a device in 10 s")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "log what the servers do")
	flags.BoolVar(&f.noTranscript, "no-transcript", false, "do not record connections")
}

func (f *labFlags) options(cmd *cobra.Command) (lab.Options, error) {
	o := lab.Options{
		State: f.state, Data: f.data, Listen: f.listen, Control: f.control, HubDomain: f.hubDomain, IDScope: f.scope,
		AutoPorts: f.autoPorts, Ports: frontdoor.Ports{HTTPS: f.httpsPort, MQTTS: f.mqttsPort, AMQPS: f.amqpsPort},
		Version: version(), Token: os.Getenv("DPSLAB_CONTROL_TOKEN"),
	}
	if f.standardPorts {
		o.Ports = frontdoor.Ports{HTTPS: 443, MQTTS: 8883, AMQPS: 5671}
	}
	if err := checkPorts(o.Ports); err != nil {
		return o, err
	}
	if f.noTranscript {
		o.TranscriptBytes = -1
	}
	switch o.ServerKey = lab.KeyKind(f.serverKey); o.ServerKey {
	case lab.RSA, lab.P256:
	default:
		return o, fmt.Errorf("--server-key %q is neither rsa nor p256", f.serverKey)
	}
	if f.retryAfter < 0 || f.retryAfter%time.Second != 0 {
		return o, fmt.Errorf("--retry-after %s is not a whole number of seconds; try 3s", f.retryAfter)
	}
	o.RetryAfter = f.retryAfter
	if f.limits {
		o.Limits = quota.Documented()
	}
	if f.verbose {
		o.Logger = slog.New(lab.RedactingHandler(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelDebug})))
	}
	return o, nil
}

// checkPorts finds what no listener could be opened with.
func checkPorts(p frontdoor.Ports) error {
	taken := map[int]string{}
	for _, one := range []struct {
		flag string
		port int
	}{{"--https-port", p.HTTPS}, {"--mqtts-port", p.MQTTS}, {"--amqps-port", p.AMQPS}} {
		if one.port < 0 || one.port > 65535 {
			return fmt.Errorf("%s %d is no port; give one up to 65535, or 0 for a free one", one.flag, one.port)
		}
		if other := taken[one.port]; other != "" && one.port != 0 {
			return fmt.Errorf("%s and %s are both %d; give each a port of its own", other, one.flag, one.port)
		}
		taken[one.port] = one.flag
	}
	return nil
}

func defaultState() string {
	if folder := os.Getenv("XDG_STATE_HOME"); folder != "" {
		return filepath.Join(folder, "dpslab")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".local", "state", "dpslab")
}
