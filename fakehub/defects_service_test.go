package fakehub_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/sas"
)

var serviceProbes = map[string]func(h *hub) string{
	"hub-serves-without-token": func(h *hub) string { return statusOf(h, "GET", "/devices/d1", "", "Authorization", "") },
	"hub-serves-expired-token": func(h *hub) string {
		return statusOf(h, "GET", "/devices/d1", "", "Authorization", ownerToken(h, nil, -time.Hour))
	},
	"hub-serves-any-signature": func(h *hub) string {
		return statusOf(h, "GET", "/devices/d1", "", "Authorization", ownerToken(h, []byte("any"), time.Hour))
	},
	"hub-answers-as-text": func(h *hub) string {
		answer, err := h.http.Get("https://" + h.Host() + "/devices")
		if err != nil {
			h.t.Fatal(err)
		}
		answer.Body.Close()
		return answer.Header.Get("Content-Type")
	},
	"hub-created-201":       func(h *hub) string { return statusOf(h, "PUT", "/devices/d3", `{}`) },
	"hub-conflict-hidden":   func(h *hub) string { return statusOf(h, "PUT", "/devices/d1", `{}`) },
	"hub-devices-in-object": func(h *hub) string { return h.must("GET", "/devices", "")[:1] },
	"hub-deleted-200":       func(h *hub) string { return statusOf(h, "DELETE", "/devices/d1", "") },
	"hub-no-generation": func(h *hub) string {
		return fmt.Sprint(member(h.t, h.must("GET", "/devices/d1", ""), "generationId") == "", member(h.t, h.must("PUT", "/devices/d3", "{}"), "generationId") == "")
	},
	"hub-makes-no-keys": func(h *hub) string {
		return fmt.Sprint(strings.Contains(h.must("PUT", "/devices/d3", "{}"), "primaryKey"))
	},
	"hub-folds-device-ids": func(h *hub) string {
		return statusOf(h, "PUT", "/devices/d3", `{}`) + statusOf(h, "PUT", "/devices/D3", `{}`)
	},
	"hub-twin-without-desired": func(h *hub) string {
		return fmt.Sprint(strings.Contains(h.must("GET", "/twins/d1", ""), "desired"))
	},
	"hub-twin-patch-replaces": func(h *hub) string { return tags(h, "PATCH") },
	"hub-twin-put-merges":     func(h *hub) string { return tags(h, "PUT") },
	"hub-twin-without-metadata": func(h *hub) string {
		return fmt.Sprint(strings.Contains(h.must("GET", "/twins/d1", ""), "$metadata"))
	},
	"hub-method-failures-200": func(h *hub) string { return statusOf(h, "POST", "/twins/d1/methods", `{"methodName":"m"}`) },
	"hub-ignores-device-etag": func(h *hub) string {
		status, _ := h.rest("PUT", "/devices/d1", `{"status":"enabled"}`, "If-Match", `"bm8="`)
		return fmt.Sprint(status)
	},
	"hub-ignores-twin-etag": func(h *hub) string {
		status, _ := h.rest("PATCH", "/twins/d1", `{"tags":{"a":1}}`, "If-Match", `"bm8="`)
		return fmt.Sprint(status)
	},
	"hub-errors-without-code": func(h *hub) string {
		_, body := h.rest("GET", "/devices/nobody", "")
		return member(h.t, body, "Message")
	},
	"hub-unknown-device-answers-200": func(h *hub) string {
		status, _ := h.rest("GET", "/devices/nobody", "")
		return fmt.Sprint(status)
	},
}

func statusOf(h *hub, verb, path, body string, header ...string) string {
	h.t.Helper()
	status, _ := h.rest(verb, path, body, header...)
	return fmt.Sprint(status)
}

// ownerToken is a token of the hub's policy; a nil key is the policy's.
func ownerToken(h *hub, key []byte, life time.Duration) string {
	h.t.Helper()
	linked, err := sas.ParseConnectionString(h.ConnectionString())
	if err != nil {
		h.t.Fatal(err)
	}
	if key == nil {
		key = linked.SharedAccessKey
	}
	return sas.Sign(h.Host(), key, h.Clock().Now().Add(life), linked.SharedAccessKeyName)
}

// tags are those of a twin after two writes.
func tags(h *hub, verb string) string {
	h.t.Helper()
	h.must(verb, "/twins/d1", `{"tags":{"a":1}}`)
	return member(h.t, h.must(verb, "/twins/d1", `{"tags":{"b":2}}`), "tags")
}
