package reference

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/deviceapi/amqpfront"
)

// onSettlement changes how requests are settled.
func onSettlement(change func(*amqpserver.Settlement)) func(point.Args) ([]point.Plan, error) {
	return point.Always(amqpserver.Settle.Plan(func(_ point.Call, s *amqpserver.Settlement) { change(s) }))
}

// bodyOf makes an answer a message with that body.
func bodyOf(body func(doc []byte) amqp.Body) func(point.Args) ([]point.Plan, error) {
	return onAMQP("", func(a *amqpfront.Answer) {
		a.Message = &amqp.Message{Properties: &amqp.Properties{CorrelationID: a.CorrelationID}, Body: body(a.Body)}
	})
}

// refuseAMQP turns an answer into a refusal.
func refuseAMQP(a *amqpfront.Answer, code int) { a.Code, a.Body = code, refused(code*1000) }

// dropping sends only some of the messages of a device, by their number from 1.
func dropping(drop func(n int64, m *amqpserver.OutgoingMessage) bool) func(point.Args) ([]point.Plan, error) {
	return func(point.Args) ([]point.Plan, error) {
		var counts sync.Map // of *atomic.Int64, by registration
		return []point.Plan{amqpserver.Outgoing.Plan(func(c point.Call, m *amqpserver.OutgoingMessage) {
			count, _ := counts.LoadOrStore(strings.ToLower(c.Registration), new(atomic.Int64))
			m.Drop = drop(count.(*atomic.Int64).Add(1), m)
		})}, nil
	}
}

// amqpAnswerDefects are requests that are settled or answered wrongly.
var amqpAnswerDefects = point.Catalogue{{
	ID: "amqp-accepted-late", Summary: "settles a request after it has answered it",
	Catches: []string{"DPS-AMQP-020"},
	Build:   onSettlement(func(s *amqpserver.Settlement) { s.AfterAnswer = true }),
}, {
	ID: "amqp-accepted-unsettled", Summary: "sends outcomes without settling",
	Catches: []string{"DPS-AMQP-020", "DPS-AMQP-037"},
	Build:   onSettlement(func(s *amqpserver.Settlement) { s.Settled = false }),
}, {
	ID: "amqp-answers-as-text", Summary: "sends answers as a string in an amqp-value section",
	Catches: []string{"DPS-AMQP-022", "DPS-AMQP-063", "DPS-AMQP-065"},
	Build:   bodyOf(func(doc []byte) amqp.Body { return amqp.Single{Value: string(doc)} }),
}, {
	ID: "amqp-answers-in-two", Summary: "sends answers in two data sections",
	Catches: []string{"DPS-AMQP-022"},
	Build:   bodyOf(func(doc []byte) amqp.Body { return amqp.Data{doc[:len(doc)/2], doc[len(doc)/2:]} }),
}, {
	ID: "amqp-correlation-as-text", Summary: "echoes a correlation-id as a string, whatever its type",
	Catches: []string{"DPS-AMQP-023"},
	Build: onAMQP("", func(a *amqpfront.Answer) {
		if a.CorrelationID != nil {
			a.CorrelationID = fmt.Sprint(a.CorrelationID)
		}
	}),
}, {
	ID: "amqp-no-correlation", Summary: "sends answers without correlation-id",
	Catches: []string{"DPS-AMQP-023", "DPS-AMQP-064"},
	Build:   onAMQP("", func(a *amqpfront.Answer) { a.CorrelationID = nil }),
}, {
	ID: "amqp-correlation-invented", Summary: "sends a correlation-id with every answer",
	Catches: []string{"DPS-AMQP-024"},
	Build: onAMQP("", func(a *amqpfront.Answer) {
		if a.CorrelationID == nil {
			a.CorrelationID = uint64(1)
		}
	}),
}, {
	ID: "amqp-poll-body-parsed", Summary: "rejects a poll whose body is not a JSON object",
	Catches: []string{"DPS-AMQP-027", "DPS-AMQP-062", "DPS-AMQP-063", "DPS-AMQP-064"},
	Build: onAMQP("poll", func(a *amqpfront.Answer) {
		if body, ok := a.Request.Payload(); !ok || !strings.HasPrefix(string(body), "{") {
			refuseAMQP(a, http.StatusBadRequest)
		}
	}),
}, {
	ID: "amqp-no-retry-after", Summary: "sends no retry-after while assigning",
	Catches: []string{"DPS-AMQP-029"},
	Build:   onAMQP("", func(a *amqpfront.Answer) { a.HasRetryAfter = false }),
}, {
	ID: "amqp-terminal-retry-after", Summary: "sends retry-after with a terminal answer",
	Catches: []string{"DPS-AMQP-030"},
	Build:   onAMQP("poll", func(a *amqpfront.Answer) { a.HasRetryAfter, a.RetryAfter = true, 3*time.Second }),
}, {
	ID: "amqp-force-registration-refused", Summary: "rejects a request with iotdps-forceRegistration",
	Catches: []string{"DPS-AMQP-031", "DPS-AMQP-062", "DPS-AMQP-064"},
	Build: onAMQP("register", func(a *amqpfront.Answer) {
		if _, there := a.Request.ApplicationProperties.Get("iotdps-forceRegistration"); there {
			refuseAMQP(a, http.StatusBadRequest)
		}
	}),
}, {
	ID: "amqp-waits-for-settlement", Summary: "sends no answer to a device that has not settled the one before",
	Catches: []string{"DPS-AMQP-032"},
	Build:   dropping(func(n int64, m *amqpserver.OutgoingMessage) bool { return n > 1 && !m.Settled }),
}, {
	ID: "amqp-every-other-answer", Summary: "sends every other answer to a device",
	Catches: []string{"DPS-AMQP-028", "DPS-AMQP-033"},
	Build:   dropping(func(n int64, _ *amqpserver.OutgoingMessage) bool { return n%2 == 0 }),
}, {
	ID: "amqp-poll-unanswered", Summary: "never settles a poll",
	Catches: []string{"DPS-AMQP-028", "DPS-AMQP-066"},
	Build: point.Always(amqpfront.Answering.Plan(func(c point.Call, _ *amqpfront.Answer) {
		if c.Step == "poll" {
			<-c.Done() // until the device gives up
		}
	})),
}, {
	ID: "amqp-answers-crossed", Summary: "sends the answer of one device to the next",
	Catches: []string{"DPS-AMQP-034"},
	Build:   crossedAnswers,
}, {
	ID: "amqp-refusals-in-words", Summary: "describes a rejection in words in place of the error document",
	Catches: []string{"DPS-AMQP-037", "DPS-X509-004"},
	Build: onAMQP("", func(a *amqpfront.Answer) {
		if a.Code >= 300 {
			a.Body = []byte("The request was refused.")
		}
	}),
}, {
	ID: "amqp-released", Summary: "releases the requests that it should reject",
	Catches: []string{"DPS-AMQP-037", "DPS-AMQP-041"},
	Build: onSettlement(func(s *amqpserver.Settlement) {
		if _, rejected := s.State.(*amqp.Rejected); rejected {
			s.State = &amqp.Released{}
		}
	}),
}, {
	ID: "amqp-internal-errors", Summary: "rejects with the condition amqp:internal-error, whatever the reason",
	Catches: []string{"DPS-AMQP-038", "DPS-AMQP-040"},
	Build: onAMQP("", func(a *amqpfront.Answer) {
		if a.Code >= 300 {
			a.Error = &amqp.Error{Condition: amqp.InternalError, Description: string(a.Body)}
		}
	}),
}, {
	ID: "amqp-rejected-and-answered", Summary: "sends the error document as an answer, beside rejecting the request",
	Catches: []string{"DPS-AMQP-039"},
	Build:   rejectedAndAnswered,
}, {
	ID: "amqp-poll-without-operation-404", Summary: "rejects a poll without operation id with a code of 404",
	Catches: []string{"DPS-AMQP-043", "DPS-AMQP-038"},
	Build: onAMQP("poll", func(a *amqpfront.Answer) {
		if a.Code == http.StatusBadRequest {
			refuseAMQP(a, http.StatusNotFound)
		}
	}),
}, {
	ID: "amqp-any-operation", Summary: "takes every message for a register request that is not a poll",
	Catches: []string{"DPS-AMQP-044"},
	Build: point.Always(amqpfront.Receiving.Plan(func(_ point.Call, j *amqpfront.Judgement) {
		if j.Step == "" {
			j.Step, j.Problem = "register", nil
		}
	})),
}, {
	ID: "amqp-rejects-once", Summary: "settles no request of a device after it has rejected one",
	Catches: []string{"DPS-AMQP-047"},
	Build: func(point.Args) ([]point.Plan, error) {
		var over sync.Map // by registration
		return []point.Plan{amqpserver.Settle.Plan(func(c point.Call, s *amqpserver.Settlement) {
			_, s.Drop = over.Load(c.Registration)
			if _, rejected := s.State.(*amqp.Rejected); rejected {
				over.Store(c.Registration, true)
			}
		})}, nil
	},
}, {
	ID: "amqp-unauthorized-as-not-found", Summary: "rejects a device that it does not believe with a code of 404",
	Catches: []string{"DPS-AMQP-038", "DPS-AMQP-048"},
	Build: onAMQP("register", func(a *amqpfront.Answer) {
		if a.Code == http.StatusUnauthorized {
			refuseAMQP(a, http.StatusNotFound)
		}
	}),
}, {
	ID: "amqp-broken-messages-accepted", Summary: "accepts messages that it cannot decode",
	Catches: []string{"DPS-AMQP-055"},
	Build: onSettlement(func(s *amqpserver.Settlement) {
		if r, ok := s.State.(*amqp.Rejected); ok && r.Error != nil && r.Error.Condition == amqp.DecodeError {
			s.State = &amqp.Accepted{}
		}
	}),
}}

// crossedAnswers gives each device what another was to hear.
func crossedAnswers(point.Args) ([]point.Plan, error) {
	type heard struct {
		body        []byte
		correlation amqp.Value
	}
	var mu sync.Mutex
	last := map[string]heard{} // by registration
	return []point.Plan{amqpfront.Answering.Plan(func(c point.Call, a *amqpfront.Answer) {
		mu.Lock()
		defer mu.Unlock()
		own := heard{a.Body, a.CorrelationID}
		for other, h := range last {
			if !strings.EqualFold(other, c.Registration) {
				a.Body, a.CorrelationID = h.body, h.correlation
				delete(last, other)
				break
			}
		}
		last[c.Registration] = own
	})}, nil
}

// rejectedAndAnswered lets a refusal pass as an answer, whose request is then rejected all
// the same.
func rejectedAndAnswered(point.Args) ([]point.Plan, error) {
	var refusals sync.Map // of []byte, by registration
	return []point.Plan{
		amqpfront.Answering.Plan(func(c point.Call, a *amqpfront.Answer) {
			if a.Code >= 300 {
				refusals.Store(c.Registration, a.Body)
				a.Code = http.StatusOK
			}
		}),
		amqpserver.Settle.Plan(func(c point.Call, s *amqpserver.Settlement) {
			if body, ok := refusals.LoadAndDelete(c.Registration); ok {
				s.State = &amqp.Rejected{Error: &amqp.Error{Condition: amqp.NotFound, Description: string(body.([]byte))}}
			}
		}),
	}, nil
}
