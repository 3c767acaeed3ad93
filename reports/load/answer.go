package load

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Answer is what became of the devices. In a run without devices there is only a sentence.
type Answer struct {
	Sentence string `json:"sentence"`
	// FirstMessage is the same sentence about first telemetry; empty where none is sent.
	FirstMessage string `json:"firstMessage,omitempty"`
	Devices      int    `json:"devices"`  // of the run's part of the fleet
	Started      int    `json:"started"`  // that were powered on
	GaveUp       int    `json:"gaveUp"`   // that ended by themselves, not assigned
	Attempts     int    `json:"attempts"` // register requests up to the first assignment, and connections that came to none
	Assigned     Reach  `json:"assigned"`
	Telemetry    Reach  `json:"telemetry"` // of the devices that were to send any
}

// Reach is how many devices came to something, and how long after their planned power-on.
type Reach struct {
	Of   int  `json:"of"`
	Done int  `json:"done"`
	Half Mark `json:"half"` // of Of
	Most Mark `json:"most"` // 99 % of Of
	Last Mark `json:"last"`
	// Times are those of the devices that came to it, Waits those of the others: how long
	// they had been at it when they gave up or the run ended; ms.
	Times Histogram `json:"times"`
	Waits Histogram `json:"waits"`
}

// Mark is a moment on the way, counted from the planned power-on.
type Mark struct {
	Time time.Duration `json:"nanoseconds"`
	// Later says that it was later than Time: too few had come to it at the end.
	Later bool `json:"later,omitempty"`
}

func (m Mark) String() string {
	if m.Later {
		return "later than " + span(m.Time)
	}
	return "at " + span(m.Time)
}

// At is when that part of the devices had come to it, from 0 to 1. Devices that did not are
// later than all others.
func (r Reach) At(part float64) Mark {
	done := r.Times.Count()
	of := done + r.Waits.Count()
	if of == 0 {
		return Mark{}
	}
	rank := min(max(int(math.Ceil(part*float64(of))), 1), of)
	if rank <= done {
		return Mark{Time: milliseconds(r.Times.At(float64(rank) / float64(done)))}
	}
	bounds := r.Times.plus(r.Waits) // each device took at least that long
	return Mark{Time: milliseconds(bounds.At(float64(rank) / float64(of))), Later: true}
}

func (r Reach) plus(s Reach) Reach {
	return Reach{Times: r.Times.plus(s.Times), Waits: r.Waits.plus(s.Waits)}
}

// judged has what follows from the histograms.
func (r Reach) judged() Reach {
	r.Done = r.Times.Count()
	r.Of = r.Done + r.Waits.Count()
	r.Half, r.Most, r.Last = r.At(.5), r.At(.99), r.At(1)
	return r
}

func (a Answer) plus(b Answer) Answer {
	return Answer{
		Devices: a.Devices + b.Devices, Started: a.Started + b.Started, GaveUp: a.GaveUp + b.GaveUp, Attempts: a.Attempts + b.Attempts,
		Assigned: a.Assigned.plus(b.Assigned), Telemetry: a.Telemetry.plus(b.Telemetry),
	}
}

// AttemptsPerDevice is the average over the devices that were powered on.
func (a Answer) AttemptsPerDevice() float64 { return float64(a.Attempts) / float64(max(a.Started, 1)) }

// tell writes the answer's sentences.
func (a *Answer) tell(flows Traffic, elapsed time.Duration) {
	a.Assigned, a.Telemetry, a.FirstMessage = a.Assigned.judged(), a.Telemetry.judged(), ""
	if a.Devices == 0 {
		a.Sentence = fmt.Sprintf("%s done, %.1f a second; half within %s, 99 %% within %s; %s failed", thousands(flows.Count),
			perSecond(flows.Count, elapsed), short(flows.Corrected.At(.5)), short(flows.Corrected.At(.99)), thousands(flows.Failed))
		return
	}
	a.Sentence = fmt.Sprintf("%s; %s gave up; %.1f attempts a device", a.Assigned.tell("assigned"), thousands(a.GaveUp), a.AttemptsPerDevice())
	if a.Telemetry.Of > 0 {
		a.FirstMessage = a.Telemetry.tell("sent their first message")
	}
}

func (r Reach) tell(what string) string {
	return fmt.Sprintf("%s of %s %s; half %s, 99 %% %s, last %s", thousands(r.Done), thousands(r.Of), what, r.Half, r.Most, r.Last)
}

func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// span is a time as in 0:41 or 1:02:03; below ten seconds as in 4.10 s or 41 ms.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	s := int(d.Round(time.Second) / time.Second)
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// short is a latency in microseconds as in 1.23ms.
func short(microseconds int64) string {
	d := time.Duration(microseconds) * time.Microsecond
	switch {
	case d >= 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}

// thousands is a count as in 10,000.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func perSecond(n int, in time.Duration) float64 {
	if in <= 0 {
		return 0
	}
	return float64(n) / in.Seconds()
}
