package webhook_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/provisioning"
	"github.com/dpslab/dpslab/reference/webhook"
)

// ask asks a function that answers with a status and a body.
func ask(t *testing.T, status int, body string) (provisioning.Advice, error) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	defer server.Close()
	return webhook.Caller{Record: record}.Ask(t.Context(), question(server.URL+"?code=key"))
}

func record(enrollment.Enrollment) ([]byte, error) { return []byte(`{}`), nil }

func question(url string) provisioning.Question {
	return provisioning.Question{Hubs: []string{"hub-a"}, Attested: provisioning.Attested{
		Claim: provisioning.Claim{RegistrationID: "dev-01"},
		Enrollment: enrollment.Enrollment{
			ID: "dev-01", Attestation: enrollment.Attestation{Type: dps.AttestationSymmetricKey}, Webhook: &enrollment.Webhook{URL: url},
		},
	}}
}

func TestAnswersThatAreNoAllocationResponse(t *testing.T) {
	for rule, body := range map[string]string{
		"no JSON": "garbage", "no object": `"hub-a"`, "no hub": `{}`, "a hub that is a number": `{"iotHubHostName":5}`,
		"a payload that is text": `{"iotHubHostName":"hub-a","payload":"text"}`,
		"tags that are a list":   `{"iotHubHostName":"hub-a","initialTwin":{"tags":[]}}`,
		"too much":               `{"iotHubHostName":"hub-a","payload":{"a":"` + strings.Repeat("a", 300<<10) + `"}}`,
	} {
		if _, err := ask(t, http.StatusOK, body); !errors.Is(err, provisioning.ErrWebhookAnswer) {
			t.Errorf("%s: %v", rule, err)
		}
	}
}

func TestAnAnswerIsReadWhole(t *testing.T) {
	advice, err := ask(t, http.StatusOK, `{"iotHubHostName":"hub-a","initialTwin":{"tags":{"a":1},"properties":{"desired":{"b":2}}},"payload":{"c":3}}`)
	if err != nil {
		t.Fatal(err)
	}
	if advice.Host != "hub-a" || string(advice.Twin.Tags) != `{"a":1}` || string(advice.Twin.Desired) != `{"b":2}` || string(advice.Payload) != `{"c":3}` {
		t.Errorf("%+v", advice)
	}
	if advice, err = ask(t, http.StatusOK, `{"iotHubHostName":"hub-a","initialTwin":null,"payload":null}`); err != nil || advice.Twin != nil || advice.Payload != nil {
		t.Errorf("nulls: %+v, %v", advice, err)
	}
}

func TestAStatusThatIsNoSuccessIsTold(t *testing.T) {
	for _, status := range []int{307, 400, 404, 500} {
		_, err := ask(t, status, `{"iotHubHostName":"hub-a"}`)
		if got := provisioning.WebhookStatus(0); !errors.As(err, &got) || int(got) != status {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestErrorsDoNotShowTheFunctionKey(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, url := range []string{"http://127.0.0.1:1/?code=secret", "http://%zz/?code=secret", "ftp://host/?code=secret"} {
		for _, ctx := range []context.Context{t.Context(), ended} {
			_, err := webhook.Caller{Record: record}.Ask(ctx, question(url))
			if err == nil || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %v", url, err)
			}
		}
	}
}
