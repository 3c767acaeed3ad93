package reference

import (
	"errors"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/dpslab/dpslab/internal/mqttserver"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/deviceapi/mqttfront"
)

// mqttAnswerDefects are requests that are answered wrongly: order, topics, codes.
var mqttAnswerDefects = point.Catalogue{{
	ID: "mqtt-puback-late", Summary: "sends the PUBACK after the answer",
	Catches: []string{"DPS-MQTT-003", "DPS-MQTT-057"},
	Build: point.Always(mqttserver.Puback.Plan(func(_ point.Call, r *mqttserver.PubackReply) {
		r.AfterAnswer = true
	})),
}, {
	ID: "mqtt-retry-after-first", Summary: "puts retry-after before $rid in the topic",
	Catches: []string{"DPS-MQTT-004"},
	Build: onMQTT("register", func(a *mqttfront.Answer) {
		a.Topic = "$dps/registrations/res/202/?retry-after=3&$rid=" + a.RID
	}),
}, {
	ID: "mqtt-register-200", Summary: "answers an accepted register request with code 200",
	Catches: []string{"DPS-MQTT-005"},
	Build: onMQTT("register", func(a *mqttfront.Answer) {
		if a.Code == 202 {
			a.Code = 200
		}
	}),
}, {
	ID: "mqtt-no-retry-after", Summary: "sends no retry-after while assigning",
	Catches: []string{"DPS-MQTT-005"},
	Build:   onMQTT("", func(a *mqttfront.Answer) { a.HasRetryAfter = false }),
}, {
	ID: "mqtt-terminal-retry-after", Summary: "sends retry-after with a terminal answer",
	Catches: []string{"DPS-MQTT-006"},
	Build:   onMQTT("poll", func(a *mqttfront.Answer) { a.HasRetryAfter, a.RetryAfter = true, 3*time.Second }),
}, {
	ID: "mqtt-rid-decoded", Summary: "decodes $rid before it echoes it",
	Catches: []string{"DPS-MQTT-007"},
	Build: onMQTT("", func(a *mqttfront.Answer) {
		if decoded, err := url.PathUnescape(a.RID); err == nil {
			a.RID = decoded
		}
	}),
}, {
	ID: "mqtt-rid-once", Summary: "answers a $rid only once",
	Catches: []string{"DPS-MQTT-008", "DPS-MQTT-062"},
	Build: func(point.Args) ([]point.Plan, error) {
		var seen sync.Map
		return []point.Plan{mqttfront.Answering.Plan(func(c point.Call, a *mqttfront.Answer) {
			if _, again := seen.LoadOrStore(strings.ToLower(c.Registration)+" "+a.RID, true); again {
				a.Copies = 0
			}
		})}, nil
	},
}, {
	ID: "mqtt-operation-id-encoded", Summary: "does not decode the operationId of a poll",
	Catches: []string{"DPS-MQTT-009"},
	Build: onMQTT("poll", func(a *mqttfront.Answer) {
		if _, id, _ := strings.Cut(a.Request.Topic, "operationId="); strings.Contains(id, "%") {
			a.Code, a.Body = 404, refused(404203)
		}
	}),
}, {
	ID: "mqtt-poll-body-parsed", Summary: "refuses a poll whose body is not a JSON object",
	Catches: []string{"DPS-MQTT-012"},
	Build: onMQTT("poll", func(a *mqttfront.Answer) {
		if !strings.HasPrefix(string(a.Request.Payload), "{") {
			a.Code, a.Body = 400, refused(400004)
		}
	}),
}, {
	ID: "mqtt-qos0-ignored", Summary: "does not answer requests at QoS 0",
	Catches: []string{"DPS-MQTT-013", "DPS-MQTT-061", "DPS-MQTT-063"},
	Build: onMQTT("", func(a *mqttfront.Answer) {
		if a.Request.QoS == 0 {
			a.Copies = 0
		}
	}),
}, {
	ID: "mqtt-answers-at-qos1", Summary: "delivers at QoS 1 whatever the subscription",
	Catches: []string{"DPS-MQTT-014"},
	Build: point.Always(mqttserver.Outgoing.Plan(func(_ point.Call, p *mqttserver.OutgoingPublish) {
		p.QoS = 1
	})),
}, {
	ID: "mqtt-retained-answers", Summary: "sends answers with the RETAIN flag",
	Catches: []string{"DPS-MQTT-017"},
	Build: point.Always(mqttserver.Outgoing.Plan(func(_ point.Call, p *mqttserver.OutgoingPublish) {
		p.Retain = true
	})),
}, {
	ID: "mqtt-answers-twice", Summary: "publishes every answer twice",
	Catches: []string{"DPS-MQTT-018", "DPS-MQTT-057", "DPS-MQTT-058"},
	Build:   onMQTT("", func(a *mqttfront.Answer) { a.Copies = 2 }),
}, {
	ID: "mqtt-answers-crossed", Summary: "delivers the answer of one device to the next",
	Catches: []string{"DPS-MQTT-019"},
	Build: func(point.Args) ([]point.Plan, error) {
		var mu sync.Mutex
		last := map[string][]byte{} // by registration
		return []point.Plan{mqttfront.Answering.Plan(func(c point.Call, a *mqttfront.Answer) {
			mu.Lock()
			defer mu.Unlock()
			own := a.Body
			for other, body := range last {
				if !strings.EqualFold(other, c.Registration) {
					a.Body = body
					delete(last, other)
					break
				}
			}
			last[c.Registration] = own
		})}, nil
	},
}, {
	ID: "mqtt-any-topic", Summary: "takes publishes to any topic",
	Catches: []string{"DPS-MQTT-032", "DPS-MQTT-034"},
	Build: point.Always(mqttfront.Publishing.Plan(func(_ point.Call, j *mqttfront.Judgement) {
		j.Err = nil
	})),
}, {
	ID: "mqtt-poll-without-operation-404", Summary: "answers a poll without operationId with code 404",
	Catches: []string{"DPS-MQTT-036"},
	Build: onMQTT("poll", func(a *mqttfront.Answer) {
		if a.Code == 400 {
			a.Code, a.Body = 404, refused(404203)
		}
	}),
}, {
	ID: "mqtt-assigned-202", Summary: "sends the assigned registration with code 202",
	Catches: []string{"DPS-MQTT-006", "DPS-MQTT-050", "DPS-MQTT-049"},
	Build: onMQTT("poll", func(a *mqttfront.Answer) {
		if a.Code == 200 {
			a.Code = 202
		}
	}),
}, {
	ID: "mqtt-poll-unanswered", Summary: "never answers a poll",
	Catches: []string{"DPS-MQTT-045", "DPS-MQTT-056"},
	Build:   onMQTT("poll", func(a *mqttfront.Answer) { a.Copies = 0 }),
}, {
	ID: "mqtt-rid-of-first", Summary: "answers every request of a device with the $rid of its first",
	Catches: []string{"DPS-MQTT-007", "DPS-MQTT-046"},
	Build: func(point.Args) ([]point.Plan, error) {
		var first sync.Map
		return []point.Plan{mqttfront.Answering.Plan(func(c point.Call, a *mqttfront.Answer) {
			rid, _ := first.LoadOrStore(strings.ToLower(c.Registration), a.RID)
			a.RID = rid.(string)
		})}, nil
	},
}, {
	ID: "mqtt-answers-unsubscribed", Summary: "answers devices that have not subscribed",
	Catches: []string{"DPS-MQTT-047"},
	Build:   onMQTT("", func(a *mqttfront.Answer) { a.Copies = 1 }),
}, {
	ID: "mqtt-retain-refused", Summary: "ends the connection on a request with the RETAIN flag",
	Catches: []string{"DPS-MQTT-052"},
	Build: point.Always(mqttfront.Publishing.Plan(func(_ point.Call, j *mqttfront.Judgement) {
		if j.Retain {
			j.Err = errors.New("retained messages are not supported")
		}
	})),
}}
