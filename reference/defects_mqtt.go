package reference

import (
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

// publishWills remembers who subscribed, and sends them the wills of others.
func publishWills(point.Args) ([]point.Plan, error) {
	var sessions sync.Map // of *mqttserver.Session
	return []point.Plan{
		mqttfront.Subscribing.Plan(func(_ point.Call, s *mqttfront.Subscription) { sessions.Store(s.Session, true) }),
		mqttfront.Leaving.Plan(func(c point.Call, l *mqttfront.Leave) {
			if l.Will == nil {
				return
			}
			for session := range sessions.Range {
				// A session that ended meanwhile hears nothing more.
				_ = session.(*mqttserver.Session).Publish(c, l.Will.Topic, l.Will.Payload, 0)
			}
		}),
	}, nil
}

// mqttDefects are connections and subscriptions that are treated wrongly.
var mqttDefects = point.Catalogue{{
	ID: "mqtt-session-present", Summary: "answers CONNECT with SessionPresent 1",
	Catches: []string{"DPS-MQTT-002"},
	Build: point.Always(mqttserver.Connack.Plan(func(_ point.Call, r *mqttserver.ConnackReply) {
		r.SessionPresent = r.Code == mqttserver.Accepted
	})),
}, {
	ID: "mqtt-grants-qos0", Summary: "grants every subscription at QoS 0",
	Catches: []string{"DPS-MQTT-015", "DPS-MQTT-016"},
	Build: point.Always(mqttfront.Subscribing.Plan(func(_ point.Call, s *mqttfront.Subscription) {
		s.Granted = min(s.Granted, mqttserver.SubackFailure) &^ 1
	})),
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
	Catches: []string{"DPS-MQTT-022", "DPS-MQTT-058", "DPS-MQTT-060"},
	Build: onConnect(func(v *mqttfront.Connection) {
		if !v.Connect.CleanSession {
			v.Accept.Code = mqttserver.NotAuthorized
		}
	}),
}, {
	ID: "mqtt-user-name-split", Summary: "splits the user name at every slash",
	Catches: []string{"DPS-MQTT-023", "DPS-MQTT-062"},
	Build: onConnect(func(v *mqttfront.Connection) {
		if strings.Count(v.Connect.Username, "/") > 3 {
			v.Accept.Code = mqttserver.BadUsernameOrPassword
		}
	}),
}, {
	ID: "mqtt-client-version-required", Summary: "refuses a user name without ClientVersion",
	Catches: []string{"DPS-MQTT-024", "DPS-MQTT-063"},
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
	Catches: []string{"DPS-MQTT-044", "DPS-MQTT-059"},
	Build:   silentAt(mqttserver.StepUnsubscribe),
}, {
	ID: "mqtt-suback-dropped", Summary: "never confirms a subscription",
	Catches: []string{"DPS-MQTT-015", "DPS-MQTT-016"},
	Build: point.Always(mqttserver.Suback.Plan(func(_ point.Call, r *mqttserver.SubackReply) {
		r.Drop = true
	})),
}, {
	ID: "mqtt-publishes-wills", Summary: "publishes the will of a device that vanishes to all that subscribed",
	Catches: []string{"DPS-MQTT-053"},
	Build:   publishWills,
}}
