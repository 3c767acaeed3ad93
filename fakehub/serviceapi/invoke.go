package serviceapi

import (
	"encoding/json"
	"time"

	"github.com/dpslab/dpslab/fakehub/huberror"
	"github.com/dpslab/dpslab/fakehub/method"
)

// The limits of a method call (iot-hub.md 4.4).
const (
	maxPayload      = 128 << 10
	defaultResponse = 30
	maxTimeout      = 3600 // seconds
	maxName         = 100
)

type methodCall struct {
	MethodName               string          `json:"methodName"`
	Payload                  json.RawMessage `json:"payload"`
	ResponseTimeoutInSeconds *int            `json:"responseTimeoutInSeconds"`
	ConnectTimeoutInSeconds  *int            `json:"connectTimeoutInSeconds"`
}

type methodAnswer struct {
	Status  int             `json:"status"`
	Payload json.RawMessage `json:"payload"`
}

// invoke calls a direct method and answers with what the device answers.
func invoke(q *request) (reply, error) {
	var in methodCall
	if err := q.read(maxBody, &in); err != nil {
		return reply{}, err
	}
	call, err := in.call(q.deviceID)
	if err != nil {
		return reply{}, err
	}
	if _, err := q.api.Registry.Get(q.deviceID); err != nil { // [DPS-HUB-040]
		return reply{}, err
	}
	a, err := q.api.Methods.Invoke(q.Context(), call)
	if err != nil {
		return reply{}, err
	}
	return ok(methodAnswer{a.Status, a.Payload})
}

func (in methodCall) call(deviceID string) (method.Call, error) {
	call := method.Call{DeviceID: deviceID, Name: in.MethodName, Payload: in.Payload}
	if !printable(in.MethodName) {
		return call, huberror.New(huberror.ArgumentInvalid, "methodName is %.100q; it is 1 to %d printable ASCII characters without / + # and ?", in.MethodName, maxName)
	}
	if len(in.Payload) > maxPayload {
		return call, huberror.New(huberror.MessageTooLarge, "the payload is larger than %d bytes", maxPayload)
	}
	var err error
	if call.ResponseTimeout, err = seconds("responseTimeoutInSeconds", in.ResponseTimeoutInSeconds, defaultResponse, 1); err != nil {
		return call, err
	}
	call.ConnectTimeout, err = seconds("connectTimeoutInSeconds", in.ConnectTimeoutInSeconds, 0, 0)
	return call, err
}

func seconds(member string, given *int, otherwise, least int) (time.Duration, error) {
	n := otherwise
	if given != nil {
		n = *given
	}
	if n < least || n > maxTimeout {
		return 0, huberror.New(huberror.ArgumentInvalid, "%s is %d; it is %d to %d", member, n, least, maxTimeout)
	}
	return time.Duration(n) * time.Second, nil
}

// printable reports whether the name can stand unescaped in the topic that carries it to
// the device (iot-hub.md 1.9).
func printable(name string) bool {
	for _, c := range name {
		if c <= ' ' || c > '~' || c == '/' || c == '+' || c == '#' || c == '?' {
			return false
		}
	}
	return name != "" && len(name) <= maxName
}
