package document

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/dpslab/dpslab/reference/problem"
)

// errorDocument has its members in the captured order (device-api.md 1.6).
type errorDocument struct {
	ErrorCode  int               `json:"errorCode"`
	TrackingID string            `json:"trackingId"`
	Message    string            `json:"message"`
	Info       map[string]string `json:"info,omitempty"`
	Timestamp  string            `json:"timestampUtc"`
}

// NewTrackingID names one exchange, in the answer's header and in an error's body.
func NewTrackingID() string { return uuid.NewString() }

// Problem renders a refusal, the same for every API and transport.
func Problem(p *problem.Error, trackingID string, now time.Time) []byte { // [DPS-ERR-001] [DPS-ERR-002] [DPS-ERR-003]
	return must(json.Marshal(errorDocument{p.Code, trackingID, p.Message, p.Info, Timestamp(now)}))
}

// must returns b: what it is used for is made of strings and numbers, which always marshal.
func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}
