package load

import (
	"net/http"
	"strconv"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	results "github.com/dpslab/dpslab/reports/load"
)

// Sample is a flow or a request that has ended.
type Sample struct {
	Kind                  string
	Flow                  int    // which flow it is, or belongs to
	Device, Operation     string // registration id and operation id, where it has any
	Intended, Actual, End time.Time
	// Code is the answer's HTTP status, or what it would be on another transport, 0 when none
	// came. ErrorCode is the service's, of six digits.
	Code, ErrorCode int
	Err             error
	Unfinished      bool // the run ended before it did; End is when
	In, Out         int  // bytes of bodies
}

// failure is the code under which the sample counts as failed, "" for one that did not.
func (s Sample) failure() string {
	switch {
	case s.Unfinished:
		return results.Unfinished
	case s.ErrorCode != 0:
		return strconv.Itoa(s.ErrorCode)
	case s.Code == 0:
		return results.NoAnswer
	case s.Code >= http.StatusBadRequest:
		return strconv.Itoa(s.Code)
	}
	return ""
}

// Headers of a result in the files.
const (
	HeaderLag       = "Dpslab-Start-Lag"    // actual less intended start, as in 1.5ms
	HeaderFlow      = "Dpslab-Flow"         // number of the flow
	HeaderDevice    = "Dpslab-Registration" // registration id
	HeaderOperation = "Dpslab-Operation"    // operation id
)

// errorLength is what is kept of an error in the files.
const errorLength = 300

// result is the sample as vegeta has it, with a number of its own.
func (s Sample) result(seq uint64) *vegeta.Result {
	r := &vegeta.Result{
		Attack: s.Kind, Seq: seq, Code: uint16(s.Code), Timestamp: s.Intended, Latency: s.End.Sub(s.Intended),
		BytesIn: uint64(s.In), BytesOut: uint64(s.Out), Error: s.failure(),
		Headers: http.Header{HeaderLag: {s.Actual.Sub(s.Intended).String()}, HeaderFlow: {strconv.Itoa(s.Flow)}},
	}
	if r.Error != "" && s.Err != nil {
		r.Error += ": " + s.Err.Error()
		r.Error = r.Error[:min(len(r.Error), errorLength)]
	}
	if r.Error != "" && r.Code < http.StatusBadRequest {
		r.Code = 0 // vegeta counts by code alone
	}
	for name, value := range map[string]string{HeaderDevice: s.Device, HeaderOperation: s.Operation} {
		if value != "" {
			r.Headers.Set(name, value)
		}
	}
	return r
}
