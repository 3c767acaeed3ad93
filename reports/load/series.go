package load

// Second is what happened in one second of a run.
type Second struct {
	Second   int            `json:"second"`   // from the beginning
	Asked    int            `json:"asked"`    // flows whose intended start lies in it
	Started  int            `json:"started"`  // flows that started in it
	InFlight int            `json:"inFlight"` // flows under way at its end
	Flows    Window         `json:"flows"`
	Requests Window         `json:"requests"`
	Assigned map[string]int `json:"assigned"` // devices by the hub that they were assigned in it
}

// Window is what ended in one second.
type Window struct {
	Ended   int            `json:"ended"`
	Errors  map[string]int `json:"errors"`  // as Traffic has them
	Latency Histogram      `json:"latency"` // corrected, µs, right to two digits
}

// NewWindow is an empty window.
func NewWindow() Window { return Window{Errors: map[string]int{}, Latency: coarse()} }

func (w Window) plus(v Window) Window {
	return Window{Ended: w.Ended + v.Ended, Errors: sum(w.Errors, v.Errors), Latency: w.Latency.plus(v.Latency)}
}

func (s Second) plus(t Second) Second {
	return Second{
		Second: s.Second, Asked: s.Asked + t.Asked, Started: s.Started + t.Started, InFlight: s.InFlight + t.InFlight,
		Flows: s.Flows.plus(t.Flows), Requests: s.Requests.plus(t.Requests), Assigned: sum(s.Assigned, t.Assigned),
	}
}

// Add adds another second's counts to this one's.
func (s *Second) Add(other Second) { *s = s.plus(other) }

// mergeSeries adds two series, of which b begins later by offset seconds.
func mergeSeries(a, b []Second, offset int) []Second {
	all := make([]Second, max(len(a), len(b)+offset))
	for i := range all {
		all[i] = Second{}.plus(Second{})
		if i < len(a) {
			all[i] = all[i].plus(a[i])
		}
		if j := i - offset; j >= 0 && j < len(b) {
			all[i] = all[i].plus(b[j])
		}
		all[i].Second = i
	}
	return all
}
