package interop_test

import (
	"encoding/json"
	"testing"
)

// proton runs the program of proton/ over qpid-proton, with Debian's Python since the package
// is Debian's, whatever else is called python3.
var proton = witness{
	folder:    "proton",
	command:   []string{systemPython, "-E", "-B"},
	extension: ".py",
}

func TestProton(t *testing.T) {
	testAMQPClient(t, amqpClient{
		name:       "proton",
		transports: []string{"amqp"}, // it has no WebSocket
		registered: func(t *testing.T, _ string, id identity) (state registered) {
			saw := proton.run(t, "register", []string{"registered"}, id, []string{"registered"})
			if err := json.Unmarshal(saw["registered"], &state); err != nil {
				t.Fatal(err)
			}
			return state
		},
		refused: func(t *testing.T, _ string, id identity) refused {
			var told sdkError
			saw := proton.run(t, "register", []string{"refused"}, id, []string{"refused"})
			if err := json.Unmarshal(saw["refused"], &told); err != nil {
				t.Fatal(err)
			}
			return refused{name: told.Name, message: told.Message}
		},
		wrongKey:         refused{name: "ConnectionException", message: "Authentication failed [mech=PLAIN]"},
		wrongCertificate: refused{name: "Rejected", message: `amqp:unauthorized-access: {"errorCode":401002`},
	})
}
