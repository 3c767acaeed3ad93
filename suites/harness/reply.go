package harness

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/onsi/gomega/types"
)

// Reply is what a device heard when it tried: an answer, a refused CONNECT, or neither.
type Reply struct {
	devwire.Answer       // Code is 0 when there was none
	Connack        byte  // return code of a refused CONNECT; 0 otherwise
	Refused        int   // what an AMQP server that let nobody in means by it: 401 for a refused SASL exchange; 0 otherwise
	Session        bool  // a hub let the device in
	Err            error // why there is no proper answer
}

func (t *T) reply(answer devwire.Answer, err error) Reply {
	if err != nil && unreachable(err) {
		t.Must(err, "reach the target")
	}
	r := Reply{Answer: answer, Err: err}
	var refused *devwire.ConnectRefused
	var sasl *devwire.SASLRefused
	var link *devwire.AMQPError
	var token *devwire.TokenRefused
	switch {
	case errors.As(err, &refused):
		r.Connack = refused.Code
	case errors.As(err, &sasl) && sasl.Code == saslAuth:
		r.Refused = http.StatusUnauthorized
	case errors.As(err, &link):
		r.Refused = link.Code()
	case errors.As(err, &token):
		r.Refused = token.Status
	}
	return r
}

// saslAuth is the SASL outcome for credentials that are not taken (device-api.md 3.1).
const saslAuth = 1

func (r Reply) String() string {
	switch {
	case r.Connack != 0:
		return fmt.Sprintf("CONNACK %d", r.Connack)
	case r.Err != nil && r.Code == 0:
		return r.Err.Error()
	case r.Err != nil:
		return fmt.Sprintf("%d, %v: %s", r.Code, r.Err, r.Raw)
	default:
		return fmt.Sprintf("%d %s", r.Code, r.Raw)
	}
}

// BeAccepted matches a Reply with a proper answer below 300 that names an operation, or a
// session at a hub. A status alone is not enough: whoever says yes to everything has
// accepted nobody.
func BeAccepted() types.GomegaMatcher {
	return verdict{"be accepted", func(r Reply) bool {
		return r.Err == nil && (r.Session || r.OperationID != "" && r.Code >= 200 && r.Code < 300)
	}}
}

// BeRefused matches a Reply with one of these codes, 401 when none is named. A CONNACK of
// 4 or 5 is MQTT's word for 401, and over AMQP a SASL outcome or a link's error may say as
// much. A connection that just ends is not a refusal.
func BeRefused(codes ...int) types.GomegaMatcher {
	if len(codes) == 0 {
		codes = []int{401}
	}
	words := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(codes)), " or "), "[]")
	return verdict{"be refused with " + words, func(r Reply) bool {
		if r.Connack == 4 || r.Connack == 5 {
			return slices.Contains(codes, 401)
		}
		if r.Refused != 0 {
			return slices.Contains(codes, r.Refused)
		}
		return r.Err == nil && slices.Contains(codes, r.Code)
	}}
}

type verdict struct {
	words string
	holds func(Reply) bool
}

func (v verdict) Match(actual any) (bool, error) {
	r, ok := actual.(Reply)
	if !ok {
		return false, fmt.Errorf("expects a Reply, not %T", actual)
	}
	return v.holds(r), nil
}

func (v verdict) FailureMessage(actual any) string {
	return fmt.Sprintf("expected the device to %s, it got %s", v.words, actual.(Reply).String())
}

func (v verdict) NegatedFailureMessage(actual any) string {
	return fmt.Sprintf("expected the device not to %s, it got %s", v.words, actual.(Reply).String())
}
