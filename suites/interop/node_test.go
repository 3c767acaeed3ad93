package interop_test

import (
	"strings"
	"testing"
)

// node runs the programs of node/ over the npm packages.
var node = witness{
	folder:     "node",
	command:    []string{"node"},
	extension:  ".js",
	transports: []string{"http", "mqtt", "mqtt-ws", "amqp", "amqp-ws"},
	tpm:        []string{"http", "amqp", "amqp-ws"}, // device-api.md 4
}

func TestNode(t *testing.T) {
	testWitness(t, node, nodeRefusals)
}

var nodeRefusals = []refusal{
	{
		// The SDK passes on its MQTT library's word for CONNACK 5 as it is. Over AMQP it forgets
		// the outcome of SASL, goes on, and finds that there is no connection.
		reason: "wrong-key", attestation: "symmetric-individual",
		expected: byProtocol{
			"http": {name: "UnauthorizedError", message: "401002"},
			"mqtt": {name: "Error", message: "Connection refused: Not authorized"},
			"amqp": {name: "NotConnectedError"},
		}.of,
	},
	{
		// Over MQTT and AMQP it is the register request that is refused (device-api.md 2.4, 3.5).
		// Over AMQP the SDK hands on the rejection as it is.
		reason: "wrong-certificate", attestation: "x509-individual",
		expected: byProtocol{
			"http": {name: "UnauthorizedError", message: "401002"},
			"mqtt": {name: "UnauthorizedError", message: "incoming message failure"},
			"amqp": {name: "amqp:unauthorized-access", message: `"errorCode":401002`},
		}.of,
	},
	{
		// The SDK has no word for a disabled enrollment (device-api.md 1.5).
		reason: "disabled", attestation: "symmetric-individual",
		expected: always(refused{name: "SyntaxError", message: "status is disabled"}),
	},
}

// byProtocol is what the SDK makes of a refusal over HTTP, MQTT and AMQP, in a WebSocket or not.
type byProtocol map[string]refused

func (b byProtocol) of(transport string) refused {
	return b[strings.TrimSuffix(transport, "-ws")]
}
