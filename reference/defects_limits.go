package reference

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/deviceapi/amqpfront"
	"github.com/dpslab/dpslab/reference/deviceapi/httpsfront"
	"github.com/dpslab/dpslab/reference/deviceapi/mqttfront"
	"github.com/dpslab/dpslab/reference/httpapi"
	"github.com/dpslab/dpslab/reference/quota"
)

// onLimit changes how what is counted is held against its limit.
func onLimit(change func(*quota.Judgement)) func(point.Args) ([]point.Plan, error) {
	return point.Always(quota.Judged.Plan(func(_ point.Call, j *quota.Judgement) { change(j) }))
}

// limitDefects are limits that are not kept, or told wrongly.
var limitDefects = point.Catalogue{{
	ID: "registrations-unlimited", Summary: "takes registrations beyond the limit",
	Catches: []string{"DPS-LIMIT-001"},
	Build:   onLimit(func(j *quota.Judgement) { j.Within = j.Within || j.Kind == quota.Registration }),
}, {
	ID: "polls-unlimited", Summary: "answers polls beyond the limit",
	Catches: []string{"DPS-LIMIT-002"},
	Build:   onLimit(func(j *quota.Judgement) { j.Within = j.Within || j.Kind == quota.Poll }),
}, {
	ID: "operations-unlimited", Summary: "answers service clients beyond the limit",
	Catches: []string{"DPS-LIMIT-003"},
	Build:   onLimit(func(j *quota.Judgement) { j.Within = j.Within || j.Kind == quota.Operation }),
}, {
	ID: "throttled-without-retry-after", Summary: "does not say when to come again",
	Catches: []string{"DPS-LIMIT-001", "DPS-LIMIT-002", "DPS-LIMIT-003", "DPS-AMQP-040"},
	Build:   onLimit(func(j *quota.Judgement) { j.RetryAfter = 0 }),
}, {
	ID: "throttled-for-an-hour", Summary: "asks a throttled client to wait longer than its limit is about",
	Catches: []string{"DPS-LIMIT-001", "DPS-LIMIT-002", "DPS-LIMIT-003"},
	Build:   onLimit(func(j *quota.Judgement) { j.RetryAfter *= 60 }),
}, {
	ID: "throttled-too-briefly", Summary: "names a time after which a client is still throttled",
	Catches: []string{"DPS-LIMIT-005", "DPS-LIMIT-003"},
	Build: onLimit(func(j *quota.Judgement) {
		if !j.Within {
			j.RetryAfter = time.Second
		}
	}),
}, {
	ID: "throttles-counted-together", Summary: "throttles registrations and polls alike once either is over its limit",
	Catches: []string{"DPS-LIMIT-004"},
	Build:   oneThrottle,
}, {
	ID: "throttled-after-the-fact", Summary: "carries out a registration and answers that it was throttled",
	Catches: []string{"DPS-LIMIT-006"},
	Build:   lateThrottle,
}}

func oneThrottle(point.Args) ([]point.Plan, error) {
	var over atomic.Int64 // the wait that was told last
	return []point.Plan{quota.Judged.Plan(func(_ point.Call, j *quota.Judgement) {
		if !j.Within {
			over.Store(int64(j.RetryAfter))
		} else if wait := over.Load(); wait > 0 {
			j.Within, j.RetryAfter = false, time.Duration(wait)
		}
	})}, nil
}

func lateThrottle(point.Args) ([]point.Plan, error) {
	var waits sync.Map // by registration id
	throttled := func(c point.Call) (time.Duration, bool) {
		wait, ok := waits.LoadAndDelete(c.Registration)
		if !ok {
			return 0, false
		}
		return wait.(time.Duration), true
	}
	return []point.Plan{
		quota.Judged.Plan(func(c point.Call, j *quota.Judgement) {
			if !j.Within && j.Kind == quota.Registration {
				waits.Store(c.Registration, j.RetryAfter)
				j.Within = true
			}
		}),
		httpsfront.Replying.Plan(func(c point.Call, r *httpsfront.Reply) {
			if wait, ok := throttled(c); ok {
				r.Status, r.Body = http.StatusTooManyRequests, refused(429001)
				httpapi.SetRetryAfter(r.Header, wait)
			}
		}),
		mqttfront.Answering.Plan(func(c point.Call, a *mqttfront.Answer) {
			if wait, ok := throttled(c); ok {
				a.Code, a.Body, a.HasRetryAfter, a.RetryAfter = http.StatusTooManyRequests, refused(429001), true, wait
			}
		}),
		amqpfront.Answering.Plan(func(c point.Call, a *amqpfront.Answer) {
			if wait, ok := throttled(c); ok {
				a.Code, a.Body, a.HasRetryAfter, a.RetryAfter = http.StatusTooManyRequests, refused(429001), true, wait
			}
		}),
	}, nil
}
