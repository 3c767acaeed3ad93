package https

import (
	"context"
	"crypto/tls"
	"errors"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// tlsChecks are about the connection below every transport.
var tlsChecks = []harness.Check{{
	Requirement: "DPS-HTTPS-045",
	Title:       "a client that speaks no more than TLS 1.2 is served",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		service := env.Service(ctx, t)
		state, err := handshake(ctx, env, t, service.Device, devwire.DialOptions{MaxVersion: tls.VersionTLS12})
		t.Answered(err, "connect with TLS 1.2")
		t.Expect(state.Version).To(BeEquivalentTo(tls.VersionTLS12))
		service.Serves(ctx, t)
	},
}, {
	Requirement: "DPS-HTTPS-046",
	Title:       "the certificate chain is valid for the name of the device endpoint",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		service := env.Service(ctx, t)
		validChain(ctx, env, t, service.Device)
		service.Serves(ctx, t)
	},
}, {
	Requirement: "DPS-HTTPS-046",
	Title:       "the certificate chain is valid for the name of the service endpoint",
	Transports:  harness.Over(dps.HTTPS),
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		service := env.Service(ctx, t)
		validChain(ctx, env, t, service.Endpoint)
		service.Serves(ctx, t)
	},
}, {
	Requirement: "DPS-HTTPS-047",
	Title:       "a client that sends no SNI is served",
	Transports:  harness.OverAll,
	Needs:       []harness.Need{harness.NeedLoopback},
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		// In a lab many services share an address, and without a name a client reaches the
		// first of them: so this one has an address of its own.
		var options []harness.ServiceOption
		if env.Control != nil {
			options = append(options, harness.WithOwnAddress())
		}
		service := env.Service(ctx, t, options...)
		endpoint := service.Device
		t.Given("a client that sends SNI is served", func() {
			_, err := handshake(ctx, env, t, endpoint, devwire.DialOptions{})
			t.Answered(err, "connect with SNI")
		})
		_, err := handshake(ctx, env, t, endpoint, devwire.DialOptions{NoSNI: true})
		t.Expect(err).NotTo(HaveOccurred())
		service.Serves(ctx, t)
	},
}}

// handshake connects over the run's transport and returns what TLS agreed on. The client
// verifies the chain for the endpoint's name.
func handshake(ctx context.Context, env *harness.Env, t *harness.T, ep devwire.Endpoint, o devwire.DialOptions) (tls.ConnectionState, error) {
	if t.Transport() == dps.MQTTWebSocket {
		packets, err := env.Wire.Packets(ctx, dps.MQTTWebSocket, ep, o)
		if err != nil {
			return tls.ConnectionState{}, err
		}
		defer packets.Close()
		return packets.Conn().State(), nil
	}
	port := ep.HTTPSPort
	if t.Transport() == dps.MQTT {
		port = ep.MQTTSPort
	}
	conn, err := env.Wire.Dial(ctx, ep, port, o)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	return conn.State(), nil
}

func validChain(ctx context.Context, env *harness.Env, t *harness.T, ep devwire.Endpoint) {
	state, err := handshake(ctx, env, t, ep, devwire.DialOptions{})
	// To other checks a chain that does not verify is a target they cannot reach; here it
	// is the finding.
	if !errors.As(err, new(*tls.CertificateVerificationError)) {
		t.Answered(err, "connect")
	}
	t.Expect(err).NotTo(HaveOccurred())
	t.Expect(state.PeerCertificates[0].VerifyHostname(ep.Host)).To(Succeed())
}
