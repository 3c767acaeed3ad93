package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/vectors"
	"github.com/dpslab/dpslab/reference/httpapi"
	"github.com/dpslab/dpslab/reference/problem"
)

func TestSegments(t *testing.T) {
	for _, c := range []struct {
		rule, path string
		want       []string
	}{
		{"as they are", "/a/b/c", []string{"a", "b", "c"}},
		{"a slash at the end", "/a/b/", []string{"a", "b"}},
		{"slashes at the beginning", "//a", []string{"a"}},
		{"decoded, upper-case hex", "/a%3Ab", []string{"a:b"}},
		{"decoded, lower-case hex", "/a%3ab", []string{"a:b"}},
		{"decoded once", "/a%253Ab", []string{"a%3Ab"}},
		{"an encoded slash separates nothing", "/a%2Fb/c", []string{"a/b", "c"}},
		{"a plus stays a plus", "/a+b", []string{"a+b"}},
		{"an empty one within", "/a//c", []string{"a", "", "c"}},
		{"no path", "", []string{""}},
		{"nothing but a slash", "/", []string{""}},
	} {
		u, err := url.ParseRequestURI("https://h" + c.path)
		if err != nil {
			t.Fatal(err)
		}
		if got := httpapi.Segments(u); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.rule, got, c.want)
		}
	}
}

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
