package sdk

import (
	"context"
	"encoding/json"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/strict"
)

// requestChecks are about what SDKs send.
var requestChecks = []harness.Check{payloads("DPS-MQTT-066", harness.OverMQTT), payloads("DPS-AMQP-068", harness.OverAMQP)}

func payloads(id string, over []dps.Transport) harness.Check {
	return harness.Check{
		Requirement: id,
		Title:       "a payload of any JSON type is taken, as azure-iot-sdk-c sends it",
		Transports:  over,
		Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
			group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
			var attempts []attempt
			for _, payload := range []string{`{"a":1}`, `"{\"modelId\":\"x\"}"`, `null`, `[1,2]`, `7.5`, `true`} {
				attempts = append(attempts, attempt{what: "payload " + payload, sdk: strict.C, device: group.Device(t), payload: json.RawMessage(payload)})
			}
			for _, e := range run(ctx, env, t, attempts...) {
				e.assigned(t)
			}
		},
	}
}
