package interop_test

import (
	"path/filepath"
	"testing"
)

// python runs the programs of python/ over the PyPI packages. It is deaf to variables that
// would give it other modules than these.
var python = witness{
	folder:     "python",
	command:    []string{filepath.Join(".venv", "bin", "python"), "-E", "-B"},
	extension:  ".py",
	transports: []string{"mqtt", "mqtt-ws"},
}

func TestPython(t *testing.T) {
	testWitness(t, python, pythonRefusals)
}

var pythonRefusals = []refusal{
	{
		// CONNACK 4 and 5 alone are credentials to the SDK (device-api.md 2.4).
		reason: "wrong-key", attestation: "symmetric-individual",
		expected: always(refused{
			"CredentialError", "Credentials invalid, could not connect", "UnauthorizedError: Connection Refused: not authorised."}),
	},
	{
		// It is the register request that is refused, after the connection stood.
		reason: "wrong-certificate", attestation: "x509-individual",
		expected: always(refused{
			"ClientError", "Unexpected failure", "ServiceError: register request returned a service error status code 401"}),
	},
	{
		// The SDK has no word for a disabled enrollment (device-api.md 1.5).
		reason: "disabled", attestation: "symmetric-individual",
		expected: always(refused{
			"ClientError", "Unexpected failure", "invalid registration status disabled with a status code of 200"}),
	},
}

func always(r refused) func(transport string) refused {
	return func(string) refused { return r }
}
