package load

import (
	"encoding/json"
	"fmt"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Histogram is a distribution of whole numbers, in the unit of the field that holds it. A
// nil one is empty. As JSON it is its most asked for values, for readers who have no HDR
// library, and all of it in the compressed V2 encoding of HdrHistogram.
type Histogram struct{ *hdrhistogram.Histogram }

const (
	latencyLimit = 2 * 3600 * 1e6      // µs
	waitLimit    = 7 * 24 * 3600 * 1e3 // ms
)

// Latencies is an empty histogram of microseconds, right to three digits up to two hours.
func Latencies() Histogram { return Histogram{hdrhistogram.New(1, latencyLimit, 3)} }

// Waits is an empty histogram of milliseconds, right to three digits up to a week.
func Waits() Histogram { return Histogram{hdrhistogram.New(1, waitLimit, 3)} }

// coarse is for one of many: microseconds, right to two digits.
func coarse() Histogram { return Histogram{hdrhistogram.New(1, latencyLimit, 2)} }

// Record adds a value. One beyond the histogram's range counts at the end of that.
func (h Histogram) Record(v int64) {
	// Within the range nothing is refused.
	_ = h.RecordValue(min(max(v, 0), h.HighestTrackableValue()))
}

// Count is how many values there are.
func (h Histogram) Count() int {
	if h.Histogram == nil {
		return 0
	}
	return int(h.TotalCount())
}

// At is the value at a quantile from 0 to 1, 0 of an empty histogram.
func (h Histogram) At(quantile float64) int64 {
	if h.Count() == 0 {
		return 0
	}
	return h.ValueAtQuantile(100 * quantile)
}

// plus is the sum of both, which stay as they are.
func (h Histogram) plus(other Histogram) Histogram {
	switch {
	case h.Histogram == nil:
		return other
	case other.Count() == 0:
		return h
	case h.Count() == 0:
		return other
	}
	sum := h.Clone()
	sum.Merge(other.Histogram)
	return Histogram{sum}
}

// histogramJSON is a Histogram as a reader finds it.
type histogramJSON struct {
	Count   int     `json:"count"`
	Mean    float64 `json:"mean"`
	P50     int64   `json:"p50"`
	P90     int64   `json:"p90"`
	P99     int64   `json:"p99"`
	P999    int64   `json:"p999"`
	Max     int64   `json:"max"`
	Encoded string  `json:"hdr,omitempty"` // of an empty one nothing
}

func (h Histogram) MarshalJSON() ([]byte, error) {
	if h.Count() == 0 {
		return json.Marshal(histogramJSON{})
	}
	encoded, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return nil, fmt.Errorf("histogram: %w", err)
	}
	return json.Marshal(histogramJSON{
		Count: h.Count(), Mean: h.Mean(), P50: h.At(.5), P90: h.At(.9), P99: h.At(.99), P999: h.At(.999), Max: h.Max(), Encoded: string(encoded),
	})
}

func (h *Histogram) UnmarshalJSON(text []byte) error {
	var j histogramJSON
	if err := json.Unmarshal(text, &j); err != nil {
		return err
	}
	*h = Histogram{}
	if j.Encoded == "" {
		return nil
	}
	decoded, err := hdrhistogram.Decode([]byte(j.Encoded))
	if err != nil {
		return fmt.Errorf("histogram: %w", err)
	}
	h.Histogram = decoded
	return nil
}
