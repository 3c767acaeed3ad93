package serviceapi

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/dpslab/dpslab/fakehub/huberror"
	"github.com/dpslab/dpslab/internal/point"
)

// BeforeWrite is passed by every answer. Its step is the request's method and resource,
// as in "put device" or "get twin".
var BeforeWrite = point.Define[Reply]("hub.service-before-write")

// Reply is an answer as it is about to be written.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// reply is what a handler returns: a nil value is an empty body.
type reply struct {
	status int
	header http.Header
	value  any
}

func ok(value any) (reply, error) { return reply{status: http.StatusOK, value: value}, nil }

// refused is the error shape that service SDKs take apart (iot-hub.md 3, errors).
type refused struct {
	Message          string `json:"Message"`
	ExceptionMessage string `json:"ExceptionMessage"`
}

func (a *API) refusal(err error) reply {
	var known *huberror.Error
	if !errors.As(err, &known) {
		a.Logger.Error("service request failed", "host", a.Host, "error", err)
	}
	e := huberror.From(err)
	return reply{
		status: e.Status(),
		header: http.Header{"Iothub-Errorcode": {e.Name}},
		value: refused{
			// [DPS-HUB-046]
			Message:          "ErrorCode:" + e.Name + ";" + e.Message,
			ExceptionMessage: "Tracking ID:" + huberror.TrackingID(a.Clock.Now()),
		},
	}
}

func (a *API) write(w http.ResponseWriter, q *request, answer reply) {
	out := Reply{Status: answer.status, Header: http.Header{
		"Content-Type":    {"application/json; charset=utf-8"},
		"X-Ms-Request-Id": {uuid.NewString()},
	}}
	maps.Copy(out.Header, answer.header)
	if answer.value != nil {
		body, err := json.Marshal(answer.value)
		if err != nil {
			a.Logger.Error("answer cannot be encoded", "step", q.step, "error", err)
			out.Status = http.StatusInternalServerError
		}
		out.Body = body
	}
	BeforeWrite.Hit(q.Context(), a.Points, q.at(q.Context()), &out)
	maps.Copy(w.Header(), out.Header)
	w.WriteHeader(out.Status)
	if _, err := w.Write(out.Body); err != nil {
		a.Logger.Debug("answer not written", "step", q.step, "error", err)
	}
}

// timestamp is a time as .NET writes it, with seven digits and Z. The zero time is
// "0001-01-01T00:00:00Z".
type timestamp time.Time

func (t timestamp) MarshalText() ([]byte, error) {
	at := time.Time(t).UTC()
	if at.IsZero() {
		return []byte("0001-01-01T00:00:00Z"), nil
	}
	return []byte(at.Format("2006-01-02T15:04:05.0000000Z")), nil
}
