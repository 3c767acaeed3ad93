package mqttfront_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/vectors"
	"github.com/dpslab/dpslab/reference/deviceapi/mqttfront"
)

func TestTopicsOfTheVectors(t *testing.T) {
	all := vectors.All().MQTT
	if mqttfront.ResponseFilter != all.ResponseFilter {
		t.Errorf("the filter is %q", mqttfront.ResponseFilter)
	}
	for _, v := range all.Requests {
		step, rid, operation, err := mqttfront.ParseTopic(v.Topic)
		if err != nil || step != v.Operation || rid != v.RID || operation != v.OperationID {
			t.Errorf("%s, %s: %q %q %q, %v", v.Source, v.Topic, step, rid, operation, err)
		}
	}
	for _, v := range all.Responses {
		a := mqttfront.Answer{Code: v.Code, RID: v.RID}
		if v.RetryAfter != nil {
			a.HasRetryAfter, a.RetryAfter = true, time.Duration(*v.RetryAfter)*time.Second
		}
		if got := mqttfront.ResponseTopic(a); got != v.Topic {
			t.Errorf("%s: %s, want %s", v.Source, got, v.Topic)
		}
	}
}

func TestTopics(t *testing.T) {
	const register, poll = "$dps/registrations/PUT/iotdps-register/", "$dps/registrations/GET/iotdps-get-operationstatus/"
	for _, c := range []struct {
		rule, topic          string
		step, rid, operation string
		says                 string // of the error; empty: taken
	}{
		{"the rid as received", register + "?$rid=a%2Fb", "register", "a%2Fb", "", ""},
		{"an empty rid", register + "?$rid=", "register", "", "", ""},
		{"further parameters", register + "?x=y&$rid=1&z", "register", "1", "", ""},
		{"the operation id decoded", poll + "?$rid=1&operationId=5%2E1%2f2", "poll", "1", "5.1/2", ""},
		{"the operation id before the rid", poll + "?operationId=5.1&$rid=1", "poll", "1", "5.1", ""},
		{"without an operation id, which is answered", poll + "?$rid=1", "poll", "1", "", ""},

		{"an operation id that is badly encoded", poll + "?$rid=1&operationId=%zz", "", "", "", "percent-encoded"},
		{"no rid", register + "?x=1", "", "", "", "no $rid"},
		{"a rid without a value or an equals sign", register + "?$rid", "", "", "", "no $rid"},
		{"no parameters", register + "?", "", "", "", "no $rid"},
		{"no question mark", register, "", "", "", "register and operation status"},
		{"rid without its dollar sign", register + "?rid=1", "", "", "", "no $rid"},
		{"the words in another case", strings.ToLower(register) + "?$rid=1", "", "", "", "register and operation status"},
		{"an answer's topic", "$dps/registrations/res/200/?$rid=1", "", "", "", "register and operation status"},
		{"telemetry", "devices/d/messages/events/", "", "", "", "register and operation status"},
		{"nothing", "", "", "", "", "register and operation status"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			step, rid, operation, err := mqttfront.ParseTopic(c.topic)
			switch {
			case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
				t.Errorf("%q %q %q, %v; want an error that says %q", step, rid, operation, err, c.says)
			case c.says == "" && (err != nil || step != c.step || rid != c.rid || operation != c.operation):
				t.Errorf("%q %q %q, %v", step, rid, operation, err)
			}
		})
	}
}

func TestRetryAfterIsInWholeSeconds(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0", 3 * time.Second: "3", 2500 * time.Millisecond: "2"} {
		got := mqttfront.ResponseTopic(mqttfront.Answer{Code: 202, RID: "1", HasRetryAfter: true, RetryAfter: d})
		if got != "$dps/registrations/res/202/?$rid=1&retry-after="+want {
			t.Errorf("%v: %s", d, got)
		}
	}
}

// A topic that is taken has its rid in it, undecoded, so that the answer can echo it.
func FuzzParseTopic(f *testing.F) {
	for _, v := range vectors.All().MQTT.Requests {
		f.Add(v.Topic)
	}
	for _, s := range []string{"", "$dps/registrations/PUT/iotdps-register/?", "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=%&operationId=%E2%28"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		step, rid, operation, err := mqttfront.ParseTopic(s)
		if err != nil {
			return
		}
		if step != "register" && step != "poll" || !strings.Contains(s, "$rid="+rid) || strings.Contains(rid, "&") {
			t.Errorf("%q is taken for a %s with rid %q", s, step, rid)
		}
		if decoded, err := url.PathUnescape(s); operation != "" && (err == nil && !strings.Contains(decoded, operation)) {
			t.Errorf("%q is taken for operation %q", s, operation)
		}
		if topic := mqttfront.ResponseTopic(mqttfront.Answer{Code: 200, RID: rid}); !strings.HasSuffix(topic, "/?$rid="+rid) {
			t.Errorf("the answer to %q goes to %q", s, topic)
		}
	})
}
