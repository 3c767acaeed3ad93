package httpapi_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/vectors"
	"github.com/dpslab/dpslab/reference/httpapi"
	"github.com/dpslab/dpslab/reference/problem"
)

func TestIsJSON(t *testing.T) {
	for contentType, want := range map[string]bool{
		"application/json": true, "application/json; charset=utf-8": true, "Application/JSON;charset=UTF-8": true,
		"": false, "text/plain": false, "application/jsonx": false, "application/json;": true, "application/json; charset": false,
	} {
		if got := httpapi.IsJSON(contentType); got != want {
			t.Errorf("%q: %v", contentType, got)
		}
	}
}

func TestEveryAnswersHeader(t *testing.T) {
	h, names := http.Header{}, vectors.All().HTTPS.Headers
	httpapi.SetCommon(h, "id")
	if h.Get("Content-Type") != names.ContentType || h.Get(names.RequestID) != "id" || h.Get("Strict-Transport-Security") == "" {
		t.Errorf("%v", h)
	}
}

func TestRefusal(t *testing.T) {
	names := vectors.All().HTTPS.Headers
	for _, c := range []struct {
		p          *problem.Error
		status     int
		code       string
		retryAfter string
	}{
		{problem.Unauthorized(), 401, "401002", ""},
		{problem.Throttled(5 * time.Second), 429, "429001", "5"},
	} {
		status, h, body := httpapi.Refusal(c.p, "id", time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
		if status != c.status || h.Get(names.ErrorCode) != c.code || h.Get(names.RetryAfter) != c.retryAfter {
			t.Errorf("%v: status %d, header %v", c.p, status, h)
		}
		var doc struct {
			ErrorCode                         json.Number
			TrackingID, Message, TimestampUTC string
		}
		if err := json.Unmarshal(body, &doc); err != nil || doc.ErrorCode.String() != c.code || doc.TrackingID != "id" ||
			doc.Message != c.p.Message || doc.TimestampUTC != "2030-01-01T00:00:00.0000000Z" {
			t.Errorf("%v: %s, %v", c.p, body, err)
		}
	}
}
