package devwire

import (
	"crypto/tls"
	"crypto/x509"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/transcript"
)

// Wire is what all connections of a run share. Its fields are set before first use.
type Wire struct {
	Roots    *x509.CertPool  // whom to believe; nil is the system's list
	Clock    clock.Clock     // for certificates, token expiry and retry-after; nil is the machine's
	Log      *transcript.Log // records what is said; nil records nothing
	Foreign  bool            // the target is not ours: its name may be resolved and a proxy used
	Timeouts Timeouts
	Meter    Meter // is told of every operation; may be nil
}

// Timeouts are the longest waits. A zero field is its default.
type Timeouts struct {
	Dial   time.Duration // TCP and TLS together; 10 s
	Answer time.Duration // one HTTP exchange, one packet or answer that was asked for; 30 s
	Idle   time.Duration // a connection on which nothing is heard; 5 min
	Assign time.Duration // from register to a terminal poll, on Wire.Clock; 2 min
}

func (w *Wire) timeouts() Timeouts {
	t := w.Timeouts
	for _, f := range []struct {
		value     *time.Duration
		byDefault time.Duration
	}{
		{&t.Dial, 10 * time.Second},
		{&t.Answer, 30 * time.Second},
		{&t.Idle, 5 * time.Minute},
		{&t.Assign, 2 * time.Minute},
	} {
		if *f.value == 0 {
			*f.value = f.byDefault
		}
	}
	return t
}

func (w *Wire) clock() clock.Clock {
	if w.Clock == nil {
		return clock.System()
	}
	return w.Clock
}

// DialOptions vary how a connection is made. The zero value is an ordinary client.
type DialOptions struct {
	Certificate *tls.Certificate // presented when the server asks for one, whatever issuers it names
	// ServerName is sent as SNI in place of Endpoint.Host. The server's certificate is
	// verified for Endpoint.Host all the same.
	ServerName string
	NoSNI      bool
	// MinVersion and MaxVersion are of TLS, as in tls.VersionTLS12; 0 is TLS 1.2, and the
	// newest. CipherSuites are those up to TLS 1.2; nil is Go's list, as it is for Curves.
	MinVersion, MaxVersion uint16
	CipherSuites           []uint16
	Curves                 []tls.CurveID

	// Path and Subprotocols are for MQTT and AMQP over WebSocket; default
	// /$iothub/websocket, and mqtt or AMQPWSB10.
	Path         string
	Subprotocols []string
}

// maxRead is the most that is read as one HTTP message or MQTT packet. The service's own
// limit for a message is 96 KB (device-api.md 8).
const maxRead = 1 << 20
