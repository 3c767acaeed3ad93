package device

import (
	"crypto/tls"
	"errors"
	"net/http"

	"github.com/dpslab/dpslab/internal/devwire"
)

// busy reports whether a status says to come back later.
func busy(status int) bool { return status == http.StatusTooManyRequests || status >= 500 }

// refused reports whether a hub refused the device's credentials.
func refused(err error) bool {
	var (
		connect *devwire.ConnectRefused
		sasl    *devwire.SASLRefused
		token   *devwire.TokenRefused
	)
	return !passing(err) && (errors.As(err, &connect) || errors.As(err, &sasl) || errors.As(err, &token))
}

// passing reports whether what went wrong may go right at another try. A mistake in the
// set-up, a refusal of the device's credentials, a server that cannot be trusted or talks
// nonsense and a hub without an address do not pass.
func passing(err error) bool {
	var (
		notSent     *devwire.NotSent
		malformed   *devwire.Malformed
		connect     *devwire.ConnectRefused
		subscribe   *devwire.SubscribeRefused
		upgrade     *devwire.UpgradeRefused
		sasl        *devwire.SASLRefused
		token       *devwire.TokenRefused
		amqp        *devwire.AMQPError
		certificate *tls.CertificateVerificationError
		hub         *HubUnknown
	)
	const (
		serverUnavailable = 3 // the one CONNACK code that passes
		saslTemporary     = 4 // the one SASL outcome that passes
	)
	switch {
	case errors.As(err, &notSent), errors.As(err, &malformed), errors.As(err, &subscribe),
		errors.As(err, &certificate), errors.As(err, &hub):
		return false
	case errors.As(err, &connect):
		return connect.Code == serverUnavailable
	case errors.As(err, &sasl):
		return sasl.Code == saslTemporary
	case errors.As(err, &upgrade):
		return busy(upgrade.Status)
	case errors.As(err, &token):
		return busy(token.Status)
	case errors.As(err, &amqp):
		return amqp.Code() == 0 || busy(amqp.Code())
	}
	return true
}
