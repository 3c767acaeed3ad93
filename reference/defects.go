package reference

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/deviceapi/amqpfront"
	"github.com/dpslab/dpslab/reference/deviceapi/httpsfront"
	"github.com/dpslab/dpslab/reference/deviceapi/mqttfront"
	"github.com/dpslab/dpslab/reference/serviceapi"
)

// Defects is the catalogue of what the reference can be made to do wrong. Each entry
// names the requirements whose checks must see it; `dpslab selfcheck` arms them one by one
// and fails when a check stays green.
var Defects = slices.Concat(answerDefects, requestDefects, mqttDefects, mqttAnswerDefects, amqpDefects, amqpAnswerDefects,
	connectionDefects, webSocketDefects, tokenDefects, certificateDefects, tpmDefects, issueDefects, serviceDefects, recordDefects, attestationDefects, conditionDefects, queryDefects, bulkDefects, allocationDefects, latencyDefects, linkDefects, webhookDefects, hubDefects, reprovisionDefects, limitDefects,
	errorDefects, securityDefects)

// object is a JSON object on its way out.
type object map[string]any

// edit changes a JSON object; anything else stays as it is.
func edit(body []byte, change func(object)) []byte {
	var doc object
	if json.Unmarshal(body, &doc) != nil || doc == nil {
		return body
	}
	change(doc)
	edited, err := json.Marshal(doc)
	if err != nil {
		return body
	}
	return edited
}

// state is the registration state in an operation, or nil.
func (d object) state() object {
	s, _ := d["registrationState"].(map[string]any)
	return s
}

// everyAnswer changes the document of every answer of the device API, over each transport.
func everyAnswer(change func(object)) func(point.Args) ([]point.Plan, error) {
	return point.Always(
		httpsfront.Replying.Plan(func(_ point.Call, r *httpsfront.Reply) { r.Body = edit(r.Body, change) }),
		mqttfront.Answering.Plan(func(_ point.Call, a *mqttfront.Answer) { a.Body = edit(a.Body, change) }),
		amqpfront.Answering.Plan(func(_ point.Call, a *amqpfront.Answer) { a.Body = edit(a.Body, change) }),
	)
}

// onHTTPS changes answers of the device API over HTTPS at one step, or at all for "".
func onHTTPS(step string, change func(*httpsfront.Reply)) func(point.Args) ([]point.Plan, error) {
	return point.Always(httpsfront.Replying.Plan(func(c point.Call, r *httpsfront.Reply) {
		if step == "" || c.Step == step {
			change(r)
		}
	}))
}

// onMQTT changes answers over MQTT at one step, or at all for "".
func onMQTT(step string, change func(*mqttfront.Answer)) func(point.Args) ([]point.Plan, error) {
	return point.Always(mqttfront.Answering.Plan(func(c point.Call, a *mqttfront.Answer) {
		if step == "" || c.Step == step {
			change(a)
		}
	}))
}

// onAMQP changes answers over AMQP at one step, or at all for "".
func onAMQP(step string, change func(*amqpfront.Answer)) func(point.Args) ([]point.Plan, error) {
	return point.Always(amqpfront.Answering.Plan(func(c point.Call, a *amqpfront.Answer) {
		if step == "" || c.Step == step {
			change(a)
		}
	}))
}

// onService changes answers of the service API whose step begins with the given word.
func onService(step string, change func(*serviceapi.Reply)) func(point.Args) ([]point.Plan, error) {
	return point.Always(serviceapi.Replying.Plan(func(c point.Call, r *serviceapi.Reply) {
		if strings.HasPrefix(c.Step, step) {
			change(r)
		}
	}))
}

// both joins the plans of two builders.
func both(a, b func(point.Args) ([]point.Plan, error)) func(point.Args) ([]point.Plan, error) {
	return func(args point.Args) ([]point.Plan, error) {
		one, err := a(args)
		if err != nil {
			return nil, err
		}
		two, err := b(args)
		return append(one, two...), err
	}
}

// refused is an error document as a broken service might send it.
func refused(code int) []byte {
	b, _ := json.Marshal(object{"errorCode": code, "trackingId": "00000000-0000-4000-8000-000000000000",
		"message": "Refused.", "timestampUtc": "2030-01-01T00:00:00.0000000Z"})
	return b
}

// refuse turns an HTTPS answer into a refusal.
func refuse(r *httpsfront.Reply, status int) {
	r.Status, r.Body = status, refused(status*1000)
}
