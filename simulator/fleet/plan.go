package fleet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/dpslab/dpslab/simulator/device"
)

// plan is the device's for one phase.
func (l *living) plan() device.Plan {
	b, retry := l.share.Behaviour, l.fleet.spec.Retry
	p := device.Plan{
		Payload: b.Payload, Patience: retry.GiveUpAfter, Reprovision: retry.Reprovision, IgnoreRetryAfter: !retry.HonourRetryAfter,
		ReadTwin: b.Twin, Interval: b.Telemetry.Interval, Message: l.message,
	}
	if retry.Initial > 0 {
		p.Backoff = func(n int) time.Duration { return retry.Pause(n, l.chance.Float64()) }
	}
	if b.Twin {
		p.Report = map[string]any{"registrations": l.life.Registrations + 1}
	}
	if b.Methods {
		p.Methods = func(name string, payload json.RawMessage) (int, any) {
			return http.StatusOK, map[string]any{"method": name, "payload": payload}
		}
	}
	switch t := b.Telemetry; {
	case t.Count > 0:
		p.Telemetry = max(t.Count-l.life.Sent, 0)
	case t.Interval > 0 && b.Stay > 0:
		p.Telemetry = math.MaxInt
	}
	if b.Telemetry.Poisson {
		p.Due = l.poisson()
	}
	if b.Stay > 0 {
		p.Stay = b.Stay + time.Hour // longer than any turn
	}
	return p
}

// poisson is when messages are due that come by chance.
func (l *living) poisson() func(n int) time.Duration {
	var due time.Duration
	return func(n int) time.Duration {
		if n > 1 {
			due += time.Duration(l.chance.ExpFloat64() * float64(l.share.Behaviour.Telemetry.Interval))
		}
		return due
	}
}

// message is {"n":…} with as much padding as the size model asks for.
func (l *living) message(n int) ([]byte, map[string]string) {
	t := l.share.Behaviour.Telemetry
	size := t.MinSize
	if t.MaxSize > t.MinSize {
		size += l.chance.IntN(t.MaxSize - t.MinSize + 1)
	}
	payload := fmt.Appendf(nil, `{"n":%d}`, n)
	if missing := size - len(payload) - len(`,"pad":""`); missing >= 0 {
		payload = fmt.Appendf(payload[:len(payload)-1], `,"pad":"%s"}`, bytes.Repeat([]byte("."), missing))
	}
	return payload, map[string]string{"$.ct": "application/json", "$.ce": "utf-8"}
}
