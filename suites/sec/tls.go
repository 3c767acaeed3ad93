package sec

import (
	"context"
	"crypto/tls"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// tlsChecks are about the connection below every transport.
var tlsChecks = []harness.Check{{
	Requirement: "DPS-SEC-001",
	Title:       "a client that speaks no more than TLS 1.1 is refused",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		service := env.Service(ctx, t)
		t.Given("a client with TLS 1.2 is served", func() {
			t.Answered(handshake(ctx, env, t, service.Device, devwire.DialOptions{MaxVersion: tls.VersionTLS12}), "connect")
		})
		old := devwire.DialOptions{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
		t.Expect(handshake(ctx, env, t, service.Device, old)).To(HaveOccurred())
		service.Serves(ctx, t)
	},
}, {
	Requirement: "DPS-SEC-002",
	Title:       "each of the AES-GCM suites is spoken with TLS 1.2",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		service := env.Service(ctx, t)
		// Which of the two of a pair it is depends on the key of the service's certificate.
		for _, pair := range [][]uint16{
			{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
			{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384},
		} {
			only := devwire.DialOptions{MaxVersion: tls.VersionTLS12, CipherSuites: pair}
			t.Expect(handshake(ctx, env, t, service.Device, only)).To(Succeed(), "a client that has %s", tls.CipherSuiteName(pair[0]))
		}
		service.Serves(ctx, t)
	},
}, {
	Requirement: "DPS-SEC-003",
	Title:       "a client that has AES-128-CBC with SHA-1 alone is refused",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		service := env.Service(ctx, t)
		t.Given("a client with TLS 1.2 is served", func() {
			t.Answered(handshake(ctx, env, t, service.Device, devwire.DialOptions{MaxVersion: tls.VersionTLS12}), "connect")
		})
		weak := devwire.DialOptions{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
		}}
		t.Expect(handshake(ctx, env, t, service.Device, weak)).To(HaveOccurred())
		service.Serves(ctx, t)
	},
}}

// handshake connects to the port of the run's transport.
func handshake(ctx context.Context, env *harness.Env, t *harness.T, at devwire.Endpoint, o devwire.DialOptions) error {
	port := at.HTTPSPort
	switch t.Transport() {
	case dps.MQTT:
		port = at.MQTTSPort
	case dps.AMQP:
		port = at.AMQPSPort
	}
	conn, err := env.Wire.Dial(ctx, at, port, o)
	if err == nil {
		conn.Close()
	}
	return err
}
