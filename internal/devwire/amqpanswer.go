package devwire

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/go-amqp"
	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/dpslab/dpslab/internal/dps"
)

// ParseAMQPAnswer reads a message of the service as an answer (device-api.md 3.4). AMQP has
// no codes: an answer's is 202 before its status is terminal, and 200 then. The error is a
// *Malformed.
func ParseAMQPAnswer(m amqpframe.Message) (Answer, error) {
	other := m.Section("amqp-value") != nil || m.Section("amqp-sequence") != nil
	retryAfter, has := m.Application(retryAfterProperty)
	return amqpAnswer(m.Data(), other, retryAfter, has)
}

func goAnswer(m *amqp.Message) (Answer, error) {
	retryAfter, has := m.ApplicationProperties[retryAfterProperty]
	return amqpAnswer(m.Data, m.Value != nil || m.Sequence != nil, retryAfter, has)
}

func amqpAnswer(data [][]byte, other bool, retryAfter any, has bool) (Answer, error) {
	if len(data) != 1 || other {
		// Java casts the body to a data section, C rejects any other.
		what := fmt.Sprintf("an answer of %d data sections, where one alone belongs", len(data))
		if other {
			what = "an answer with a body that is no data section"
		}
		return Answer{}, &Malformed{What: what}
	}
	a, err := ParseAnswer(http.StatusOK, data[0])
	if a.Status != dps.StatusUnknown && !a.Status.Terminal() {
		a.Code = http.StatusAccepted
	}
	if !has || err != nil {
		return a, err
	}
	// C takes an int or a string and nothing else.
	switch v := retryAfter.(type) {
	case int32:
		a.RetryAfter, a.HasRetryAfter = time.Duration(v)*time.Second, v >= 0
	case string:
		a.RetryAfter, a.HasRetryAfter = seconds(v)
	}
	if !a.HasRetryAfter {
		return a, &Malformed{What: fmt.Sprintf("%s is a %T, not seconds as an int or a string", retryAfterProperty, retryAfter), Raw: a.Raw}
	}
	return a, nil
}

// ParseAMQPRejection reads a rejected outcome as a refusal (device-api.md 3.5). The code is
// errorCode/1000 of the document in its description. The error is a *Malformed.
func ParseAMQPRejection(outcome *amqpframe.Described) (Answer, error) {
	reason := outcome.Inner("error")
	if outcome.Name() != "rejected" || reason == nil {
		return Answer{}, &Malformed{What: fmt.Sprintf("%s, where rejected with an error belongs", outcome)}
	}
	info := map[string]any{}
	entries, _ := reason.Field("info").(amqpframe.Map)
	for _, p := range entries {
		if name, ok := p.Key.(amqpframe.Symbol); ok {
			info[string(name)] = p.Value
		}
	}
	return rejection(reason.Text("condition"), reason.Text("description"), info)
}

func rejected(e *amqp.Error) (Answer, error) {
	if e == nil {
		return Answer{}, &Malformed{What: "a rejection without an error"}
	}
	return rejection(string(e.Condition), e.Description, e.Info)
}

func rejection(condition, description string, info map[string]any) (Answer, error) {
	reason := makeAMQPError("rejected", condition, description)
	a := Answer{Code: reason.Code(), Condition: condition, Raw: []byte(description), Error: reason.Document}
	for _, name := range []string{retryAfterProperty, retryAfterOfCSharp} {
		if n, ok := wholeSeconds(info[name]); ok {
			a.RetryAfter, a.HasRetryAfter = n, true
		}
	}
	document, err := parseErrorDocument([]byte(description))
	switch {
	case err != nil:
	case document.ErrorCode < 300_000: // C# divides it by a thousand
		err = errors.New("the error document has no errorCode of six digits")
	case strings.TrimSpace(condition) == "":
		err = errors.New("the error has no condition")
	}
	if err != nil {
		return a, &Malformed{What: "a rejection's description: " + err.Error(), Raw: a.Raw}
	}
	return a, nil
}

// wholeSeconds reads a wait of a rejection, for which Node takes a string or any number.
func wholeSeconds(v any) (time.Duration, bool) {
	switch v := v.(type) {
	case string:
		return seconds(v)
	case int32:
		return time.Duration(v) * time.Second, v >= 0
	case int64:
		return time.Duration(v) * time.Second, v >= 0 && v < math.MaxInt32
	case uint32:
		return time.Duration(v) * time.Second, true
	}
	return 0, false
}
