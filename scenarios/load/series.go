package load

import (
	"encoding/json"
	"time"

	results "github.com/dpslab/dpslab/reports/load"
)

// series are the seconds of a run. Only a few are at hand: one that is over is packed, since
// its histograms would take fifty times the memory.
type series struct {
	packed map[int][]byte
	atHand map[int]*results.Second
}

const mostAtHand = 3

// at is the second that a moment of the run belongs to.
func (s *series) at(elapsed time.Duration) *results.Second {
	if s.atHand == nil {
		s.packed, s.atHand = map[int][]byte{}, map[int]*results.Second{}
	}
	i := int(max(elapsed, 0) / time.Second)
	if second, ok := s.atHand[i]; ok {
		return second
	}
	s.atHand[i] = s.unpack(i)
	if len(s.atHand) > mostAtHand {
		s.pack(i)
	}
	return s.atHand[i]
}

// pack packs the oldest second at hand that is not spared.
func (s *series) pack(spared int) {
	oldest := -1
	for i := range s.atHand {
		if i != spared && (oldest < 0 || i < oldest) {
			oldest = i
		}
	}
	text, err := json.Marshal(s.atHand[oldest])
	if err != nil {
		panic(err) // counts and histograms of our own
	}
	s.packed[oldest] = text
	delete(s.atHand, oldest)
}

// unpack is the second as it was packed, or a new one.
func (s *series) unpack(i int) *results.Second {
	second := s.row(i)
	delete(s.packed, i)
	second.Add(results.Second{Flows: results.NewWindow(), Requests: results.NewWindow()})
	return &second
}

// row is a second that is not at hand.
func (s *series) row(i int) results.Second {
	second := results.Second{Second: i}
	if text, ok := s.packed[i]; ok {
		if err := json.Unmarshal(text, &second); err != nil {
			panic(err) // we wrote it
		}
	}
	return second
}

// rows are all seconds from the first, without gaps.
func (s *series) rows() []results.Second {
	end := 0
	for i := range s.packed {
		end = max(end, i+1)
	}
	for i := range s.atHand {
		end = max(end, i+1)
	}
	rows := make([]results.Second, end)
	inFlight := 0
	for i := range rows {
		rows[i] = s.row(i)
		if second, ok := s.atHand[i]; ok {
			rows[i] = *second
		}
		rows[i].Add(results.Second{}) // which leaves no map nil
		inFlight += rows[i].Started - rows[i].Flows.Ended
		rows[i].InFlight = inFlight
	}
	return rows
}

// add counts a sample that ended.
func add(w *results.Window, s Sample) {
	w.Ended++
	if code := s.failure(); code != "" {
		w.Errors[code]++
	}
	w.Latency.Record(s.End.Sub(s.Intended).Microseconds())
}
