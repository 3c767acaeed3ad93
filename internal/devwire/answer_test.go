package devwire_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/vectors"
)

func TestAnswersMatchTheVectors(t *testing.T) {
	v := vectors.All()
	for _, want := range v.Answers {
		a, err := devwire.ParseAnswer(want.Code, want.Body)
		if err != nil {
			t.Errorf("%s: %v", want.Source, err)
			continue
		}
		if a.OperationID != want.OperationID || a.StatusText != want.Status || v.Statuses[a.Status.String()] != want.Status {
			t.Errorf("%s: %+v", want.Source, a)
		}
		if want.ErrorCode != 0 && (a.State == nil || a.State.ErrorCode != want.ErrorCode || a.State.ErrorMessage == "") {
			t.Errorf("%s: state %+v", want.Source, a.State)
		}
		if want.AssignedHub == "" {
			continue
		}
		s := a.State
		if s == nil || s.AssignedHub != want.AssignedHub || s.DeviceID != want.DeviceID || s.ErrorCode != want.ErrorCode ||
			v.Substatuses[s.Substatus.String()] != want.Substatus || s.Created == "" || s.ETag == "" || s.Payload == nil {
			t.Errorf("%s: state %+v", want.Source, s)
		}
	}
}

func TestStatusWordsMatchTheVectors(t *testing.T) {
	v := vectors.All()
	for s := dps.StatusUnassigned; s <= dps.StatusDisabled; s++ {
		body := fmt.Sprintf(`{"operationId":"1","status":%q}`, v.Statuses[s.String()])
		if a, err := devwire.ParseAnswer(200, []byte(body)); err != nil || a.Status != s {
			t.Errorf("%s: %v, %v", s, a.Status, err)
		}
	}
	for s := dps.SubstatusInitialAssignment; s <= dps.SubstatusReprovisionedToInitialAssignment; s++ {
		body := fmt.Sprintf(`{"operationId":"1","status":"assigned","registrationState":{"registrationId":"d","status":"assigned","substatus":%q}}`,
			v.Substatuses[s.String()])
		if a, err := devwire.ParseAnswer(200, []byte(body)); err != nil || a.State.Substatus != s {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func TestRefusalsMatchTheVectors(t *testing.T) {
	v := vectors.All().ErrorDocument
	a, err := devwire.ParseAnswer(401, v.Example)
	if err != nil {
		t.Fatal(err)
	}
	back, err := json.Marshal(map[string]any{"errorCode": a.Error.ErrorCode, "trackingId": a.Error.TrackingID,
		"message": a.Error.Message, "info": a.Error.Info, "timestampUtc": a.Error.TimestampUTC})
	if err != nil {
		t.Fatal(err)
	}
	var got, want map[string]any
	if err := errors.Join(json.Unmarshal(back, &got), json.Unmarshal(v.Example, &want)); err != nil {
		t.Fatal(err)
	}
	for _, member := range v.Members {
		if fmt.Sprint(got[member]) != fmt.Sprint(want[member]) {
			t.Errorf("%s: %v, want %v", member, got[member], want[member])
		}
	}
}

func TestAnswersThatAreMalformed(t *testing.T) {
	for name, tc := range map[string]struct {
		code int
		body string
	}{
		"no json":                          {202, `hello`},
		"empty":                            {202, ``},
		"null":                             {202, `null`},
		"an array":                         {202, `[]`},
		"no operationId":                   {202, `{"status":"assigning"}`},
		"no status":                        {202, `{"operationId":"1"}`},
		"status in another case":           {202, `{"operationId":"1","Status":"assigning"}`},
		"a null operationId":               {202, `{"operationId":null,"status":"assigning"}`},
		"a number for a status":            {202, `{"operationId":"1","status":1}`},
		"a null state":                     {200, `{"operationId":"1","status":"assigned","registrationState":null}`},
		"a state without registrationId":   {200, `{"operationId":"1","status":"assigned","registrationState":{"status":"assigned"}}`},
		"a state without status":           {200, `{"operationId":"1","status":"assigned","registrationState":{"registrationId":"d"}}`},
		"a null assignedHub":               {200, `{"operationId":"1","status":"assigned","registrationState":{"registrationId":"d","status":"assigned","assignedHub":null}}`},
		"a text for an errorCode":          {200, `{"operationId":"1","status":"failed","registrationState":{"registrationId":"d","status":"failed","errorCode":"400207"}}`},
		"a substatus nobody knows":         {200, `{"operationId":"1","status":"assigned","registrationState":{"registrationId":"d","status":"assigned","substatus":"moved"}}`},
		"a refusal in html":                {502, `<html>`},
		"a refusal with a text for a code": {400, `{"errorCode":"400004"}`},
	} {
		a, err := devwire.ParseAnswer(tc.code, []byte(tc.body))
		var malformed *devwire.Malformed
		if !errors.As(err, &malformed) || string(malformed.Raw) != tc.body || string(a.Raw) != tc.body || a.Code != tc.code {
			t.Errorf("%s: %v, raw %q, answer %v", name, err, malformed, a)
		}
	}
}

func TestAnUnknownStatusIsKeptAsText(t *testing.T) {
	a, err := devwire.ParseAnswer(202, []byte(`{"operationId":"1","status":"registering"}`))
	if err != nil || a.Status != dps.StatusUnknown || a.StatusText != "registering" {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestResponseTopicsMatchTheVectors(t *testing.T) {
	for _, v := range vectors.All().MQTT.Responses {
		got, err := devwire.ParseResponseTopic(v.Topic)
		want := devwire.ResponseTopic{Code: v.Code, RID: v.RID}
		if v.RetryAfter != nil {
			want.RetryAfter, want.HasRetryAfter = time.Duration(*v.RetryAfter)*time.Second, true
		}
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", v.Topic, got, err)
		}
	}
}

func TestResponseTopicsThatAreMalformed(t *testing.T) {
	for _, topic := range []string{
		"$dps/registrations/res/202/?retry-after=3&$rid=7", // Java and C# want $rid first
		"$dps/registrations/res/202/?$rid=7&retry-after",   // Python wants = in every pair
		"$dps/registrations/res/202/?$rid=7&$rid=8",
		"$dps/registrations/res/202/?$rid=7&retry-after=3.5",
		"$dps/registrations/res/202/?$rid=7&retry-after=-3",
		"$dps/registrations/res/202/$rid=7",
		"$dps/registrations/res/ok/?$rid=7",
		"$dps/registrations/res/2020/?$rid=7",
		"$dps/registrations/res/",
		"$iothub/twin/res/200/?$rid=7",
		"",
	} {
		if got, err := devwire.ParseResponseTopic(topic); err == nil {
			t.Errorf("%q was read as %+v", topic, got)
		}
	}
}

func TestRequestTopicsAndUsernamesMatchTheVectors(t *testing.T) {
	v := vectors.All().MQTT
	for _, r := range v.Requests {
		got := devwire.RegisterTopic(r.RID)
		if r.Operation == "poll" {
			got = devwire.PollTopic(r.RID, r.OperationID)
		}
		if got != r.Topic {
			t.Errorf("%s: %s", r.Topic, got)
		}
	}
	u := v.Usernames[0]
	if got := devwire.MQTTUsername(devwire.Identity{Scope: u.Scope, RegistrationID: u.RegistrationID}); got != u.Username {
		t.Errorf("user name %s, want %s", got, u.Username)
	}
	if devwire.ResponseFilter != v.ResponseFilter {
		t.Error(devwire.ResponseFilter)
	}
}

func TestPathsMatchTheVectors(t *testing.T) {
	id := devwire.Identity{Scope: "0ne00DEMO01", RegistrationID: "dev-01"}
	operation := vectors.All().Answers[0].OperationID
	got := map[string]string{"register": devwire.RegisterPath(id), "poll": devwire.PollPath(id, operation), "lookup": devwire.LookupPath(id)}
	for _, r := range vectors.All().HTTPS.Requests {
		if got[r.Operation] != r.Path {
			t.Errorf("%s: %s, want %s", r.Operation, got[r.Operation], r.Path)
		}
	}
	v := vectors.All().ServiceAPI
	paths := []string{devwire.EnrollmentPath("dev-01"), devwire.GroupPath("line-a"), devwire.RegistrationPath("dev-01")}
	if !slices.Equal(paths, []string{v.EnrollmentPath, v.EnrollmentGroupPath, v.RegistrationPath}) {
		t.Error(paths)
	}
}

func FuzzParseAnswer(f *testing.F) {
	for _, v := range vectors.All().Answers {
		f.Add(v.Code, []byte(v.Body))
	}
	f.Add(401, []byte(vectors.All().ErrorDocument.Example))
	f.Add(202, []byte(`{"operationId":"1","status":"assigning","registrationState":[]}`))
	f.Fuzz(func(t *testing.T, code int, body []byte) {
		a, err := devwire.ParseAnswer(code, body)
		if err == nil && code < 300 && (a.OperationID == "" || a.StatusText == "") {
			t.Fatalf("taken without its members: %q", body)
		}
		if err == nil && code >= 300 && a.Error == nil {
			t.Fatalf("a refusal without a document: %q", body)
		}
		if string(a.Raw) != string(body) {
			t.Fatal("the bytes were not kept")
		}
	})
}

func FuzzParseResponseTopic(f *testing.F) {
	for _, v := range vectors.All().MQTT.Responses {
		f.Add(v.Topic)
	}
	f.Add("$dps/registrations/res/202/?$rid=&x=")
	f.Fuzz(func(t *testing.T, topic string) {
		r, err := devwire.ParseResponseTopic(topic)
		if err == nil && !strings.HasPrefix(topic, fmt.Sprintf("$dps/registrations/res/%03d/?$rid=%s", r.Code, r.RID)) {
			t.Fatalf("%q was read as %+v", topic, r)
		}
	})
}
