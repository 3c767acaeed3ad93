package interop_test

import "testing"

// node runs the programs of node/ over the npm packages.
var node = witness{
	folder:     "node",
	command:    []string{"node"},
	extension:  ".js",
	transports: []string{"http", "mqtt", "mqtt-ws"},
}

func TestNode(t *testing.T) {
	testWitness(t, node, nodeRefusals)
}

var nodeRefusals = []refusal{
	{
		reason: "wrong-key", attestation: "symmetric-individual",
		// The SDK passes on its MQTT library's word for CONNACK 5 as it is.
		expected: httpOrMQTT(
			refused{name: "UnauthorizedError", message: "401002"},
			refused{name: "Error", message: "Connection refused: Not authorized"}),
	},
	{
		// Over MQTT it is the register request that is refused (device-api.md 2.4).
		reason: "wrong-certificate", attestation: "x509-individual",
		expected: httpOrMQTT(
			refused{name: "UnauthorizedError", message: "401002"},
			refused{name: "UnauthorizedError", message: "incoming message failure"}),
	},
	{
		// The SDK has no word for a disabled enrollment (device-api.md 1.5).
		reason: "disabled", attestation: "symmetric-individual",
		expected: httpOrMQTT(
			refused{name: "SyntaxError", message: "status is disabled"},
			refused{name: "SyntaxError", message: "status is disabled"}),
	},
}

func httpOrMQTT(http, mqtt refused) func(transport string) refused {
	return func(transport string) refused {
		if transport == "http" {
			return http
		}
		return mqtt
	}
}
