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

// onConnect changes the answer to a CONNECT of a known scope.
func onConnect(change func(*mqttfront.Connection)) func(point.Args) ([]point.Plan, error) {
	return point.Always(mqttfront.Connecting.Plan(func(_ point.Call, v *mqttfront.Connection) { change(v) }))
}

// onConnack changes the code that a CONNECT is answered with, whosever it is.
func onConnack(change func(code byte) byte) func(point.Args) ([]point.Plan, error) {
	return point.Always(mqttserver.Connack.Plan(func(_ point.Call, r *mqttserver.ConnackReply) { r.Code = change(r.Code) }))
}

// lookingAway lets a broken rule of MQTT pass.
func lookingAway(reason string) func(point.Args) ([]point.Plan, error) {
	return point.Always(mqttserver.Breached.Plan(func(_ point.Call, b *mqttserver.Breach) {
		b.Ignore = b.Ignore || b.Reason == reason
	}))
}

// silentAt keeps back the answers that say nothing but that a packet came.
func silentAt(step string) func(point.Args) ([]point.Plan, error) {
	return point.Always(mqttserver.Bare.Plan(func(c point.Call, r *mqttserver.BareReply) { r.Drop = r.Drop || c.Step == step }))
}

// mqttDefects are wrong MQTT: order, topics, qualities of service, return codes.
var mqttDefects = point.Catalogue{{
	ID: "mqtt-session-present", Summary: "answers CONNECT with SessionPresent 1",
	Catches: []string{"DPS-MQTT-002"},
	Build: point.Always(mqttserver.Connack.Plan(func(_ point.Call, r *mqttserver.ConnackReply) {
		r.SessionPresent = r.Code == mqttserver.Accepted
	})),
}, {
	ID: "mqtt-puback-late", Summary: "sends the PUBACK after the answer",
	Catches: []string{"DPS-MQTT-003"},
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
	Catches: []string{"DPS-MQTT-008"},
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
	Catches: []string{"DPS-MQTT-013"},
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
	ID: "mqtt-grants-qos0", Summary: "grants every subscription at QoS 0",
	Catches: []string{"DPS-MQTT-015", "DPS-MQTT-016"},
	Build: point.Always(mqttfront.Subscribing.Plan(func(_ point.Call, s *mqttfront.Subscription) {
		s.Granted = min(s.Granted, mqttserver.SubackFailure) &^ 1
	})),
}, {
	ID: "mqtt-retained-answers", Summary: "sends answers with the RETAIN flag",
	Catches: []string{"DPS-MQTT-017"},
	Build: point.Always(mqttserver.Outgoing.Plan(func(_ point.Call, p *mqttserver.OutgoingPublish) {
		p.Retain = true
	})),
}, {
	ID: "mqtt-answers-twice", Summary: "publishes every answer twice",
	Catches: []string{"DPS-MQTT-018"},
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
	ID: "mqtt-keep-alive-0-times-out", Summary: "ends connections whose keep-alive is 0 after a moment of silence",
	Catches: []string{"DPS-MQTT-020"},
	Build: onConnect(func(v *mqttfront.Connection) {
		if v.Connect.KeepAlive == 0 {
			v.Accept.IdleTimeout = 100 * time.Millisecond
		}
	}),
}, {
	ID: "mqtt-keep-alive-ignored", Summary: "keeps silent connections whatever their keep-alive",
	Catches: []string{"DPS-MQTT-021"},
	Build:   onConnect(func(v *mqttfront.Connection) { v.Accept.IdleTimeout = time.Hour }),
}, {
	ID: "mqtt-clean-session-required", Summary: "refuses a CONNECT without clean session",
	Catches: []string{"DPS-MQTT-022"},
	Build: onConnect(func(v *mqttfront.Connection) {
		if !v.Connect.CleanSession {
			v.Accept.Code = mqttserver.NotAuthorized
		}
	}),
}, {
	ID: "mqtt-user-name-split", Summary: "splits the user name at every slash",
	Catches: []string{"DPS-MQTT-023"},
	Build: onConnect(func(v *mqttfront.Connection) {
		if strings.Count(v.Connect.Username, "/") > 3 {
			v.Accept.Code = mqttserver.BadUsernameOrPassword
		}
	}),
}, {
	ID: "mqtt-client-version-required", Summary: "refuses a user name without ClientVersion",
	Catches: []string{"DPS-MQTT-024"},
	Build: onConnect(func(v *mqttfront.Connection) {
		if !strings.Contains(v.Connect.Username, "ClientVersion") {
			v.Accept.Code = mqttserver.BadUsernameOrPassword
		}
	}),
}, {
	ID: "mqtt-connack-2", Summary: "refuses every bad CONNECT with code 2",
	Catches: []string{"DPS-MQTT-025", "DPS-MQTT-026", "DPS-MQTT-027", "DPS-MQTT-028", "DPS-MQTT-030", "DPS-SAS-020"},
	Build: onConnack(func(code byte) byte {
		if code != mqttserver.Accepted {
			return mqttserver.IdentifierRejected
		}
		return code
	}),
}, {
	ID: "mqtt-unavailable", Summary: "answers every CONNECT with code 3",
	Catches: []string{"DPS-MQTT-001"},
	Build:   onConnack(func(byte) byte { return mqttserver.ServerUnavailable }),
}, {
	ID: "mqtt-connack-0", Summary: "answers every CONNECT with code 0",
	Catches: []string{"DPS-MQTT-025", "DPS-MQTT-029", "DPS-MQTT-030", "DPS-MQTT-055"},
	Build:   onConnack(func(byte) byte { return mqttserver.Accepted }),
}, {
	ID: "mqtt-connects-anybody", Summary: "accepts every CONNECT of a known scope",
	Catches: []string{"DPS-MQTT-026", "DPS-MQTT-027", "DPS-MQTT-028", "DPS-SAS-020"},
	Build:   onConnect(func(v *mqttfront.Connection) { v.Accept.Code = mqttserver.Accepted }),
}, {
	ID: "mqtt-any-filter", Summary: "grants subscriptions to any filter",
	Catches: []string{"DPS-MQTT-031"},
	Build: point.Always(mqttfront.Subscribing.Plan(func(_ point.Call, s *mqttfront.Subscription) {
		if s.Granted == mqttserver.SubackFailure {
			s.Granted = 1
		}
	})),
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
}, {
	ID: "mqtt-qos2-taken", Summary: "takes requests at QoS 2",
	Catches: []string{"DPS-MQTT-033"},
	Build:   lookingAway(mqttserver.QoS2),
}, {
	ID: "mqtt-second-connect-ignored", Summary: "keeps a connection on which a second CONNECT arrives",
	Catches: []string{"DPS-MQTT-039"},
	Build:   lookingAway(mqttserver.SecondConnect),
}, {
	ID: "mqtt-same-client-twice", Summary: "keeps two connections with the same ClientId",
	Catches: []string{"DPS-MQTT-040"},
	Build:   lookingAway(mqttserver.TakenOver),
}, {
	ID: "mqtt-no-pingresp", Summary: "does not answer PINGREQ",
	Catches: []string{"DPS-MQTT-043"},
	Build:   silentAt(mqttserver.StepPing),
}, {
	ID: "mqtt-no-unsuback", Summary: "does not answer UNSUBSCRIBE",
	Catches: []string{"DPS-MQTT-044"},
	Build:   silentAt(mqttserver.StepUnsubscribe),
}, {
	ID: "mqtt-suback-dropped", Summary: "never confirms a subscription",
	Catches: []string{"DPS-MQTT-015", "DPS-MQTT-016"},
	Build: point.Always(mqttserver.Suback.Plan(func(_ point.Call, r *mqttserver.SubackReply) {
		r.Drop = true
	})),
}}
