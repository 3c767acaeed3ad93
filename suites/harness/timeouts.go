package harness

import (
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
)

// Timeouts are all the waits of a run. Apart from Check, Cleanup and Silence each is the
// most that a conformant target may take; whoever takes longer does not conform.
type Timeouts struct {
	Check    time.Duration // one run of a check with its set-up; the run's own limit
	Cleanup  time.Duration // everything a run made, removed again; the run's own limit
	Dial     time.Duration // TCP, TLS and a WebSocket upgrade
	Answer   time.Duration // one HTTP answer, CONNACK, SUBACK, PUBACK, or the answer to a request over MQTT
	Assign   time.Duration // from the first register to a terminal answer
	Close    time.Duration // to close a connection that has to be closed
	Delivery time.Duration // at a hub: from the PUBACK of telemetry, or a desired patch, to its reader
	Silence  time.Duration // how long a check listens until it believes that nothing comes
}

// ConformantTimeouts are for targets that are not our labs. The C# client gives up on an
// answer and on a registration after 60 s (device-api.md 0.1 item 18, 3.5).
func ConformantTimeouts() Timeouts {
	return Timeouts{
		Check: 5 * time.Minute, Cleanup: time.Minute, Dial: 30 * time.Second, Answer: time.Minute,
		Assign: time.Minute, Close: 30 * time.Second, Delivery: 30 * time.Second, Silence: 3 * time.Second,
	}
}

// LabTimeouts are for our labs, which answer in milliseconds: a minute's wait for each
// answer that a defect suppresses would teach nothing.
func LabTimeouts() Timeouts {
	return Timeouts{
		Check: 90 * time.Second, Cleanup: 20 * time.Second, Dial: 10 * time.Second, Answer: 10 * time.Second,
		Assign: 30 * time.Second, Close: 5 * time.Second, Delivery: 5 * time.Second, Silence: 500 * time.Millisecond,
	}
}

// Scaled multiplies every wait, for slow machines.
func (t Timeouts) Scaled(factor float64) Timeouts {
	for _, d := range []*time.Duration{&t.Check, &t.Cleanup, &t.Dial, &t.Answer, &t.Assign, &t.Close, &t.Delivery, &t.Silence} {
		*d = time.Duration(float64(*d) * factor)
	}
	return t
}

func (t Timeouts) wire() devwire.Timeouts {
	return devwire.Timeouts{Dial: t.Dial, Answer: t.Answer, Assign: t.Assign}
}
