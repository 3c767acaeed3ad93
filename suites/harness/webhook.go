package harness

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Webhook is an operator's function on this machine, for the custom allocation of a
// service that can reach loopback (NeedLoopback). It ends with the check.
type Webhook struct {
	URL string // with a function key in its query

	mu    sync.Mutex
	calls []WebhookCall
}

// WebhookCall is a request as a webhook received it.
type WebhookCall struct {
	Method, Target, ContentType string  // Target is path and query
	Body                        Members // nil: it was no JSON object
}

// maxWebhookCall bounds what a webhook reads of a request.
const maxWebhookCall = 1 << 20

// WebhookAnswer decides what a webhook answers to a call.
type WebhookAnswer func(w http.ResponseWriter, r *http.Request, call WebhookCall)

// Webhook starts a webhook.
func (t *T) Webhook(answer WebhookAnswer) *Webhook {
	h := &Webhook{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	t.Must(err, "start a webhook")
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := WebhookCall{Method: r.Method, Target: r.URL.RequestURI(), ContentType: r.Header.Get("Content-Type")}
		if text, err := io.ReadAll(io.LimitReader(r.Body, maxWebhookCall)); err != nil || json.Unmarshal(text, &call.Body) != nil {
			call.Body = nil
		}
		h.mu.Lock()
		h.calls = append(h.calls, call)
		h.mu.Unlock()
		answer(w, r, call)
	})
	server := &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // always ends with an error: that it was closed
	}()
	h.URL = "http://" + listener.Addr().String() + "/api/allocate?code=function-key"
	t.Cleanup(func(context.Context) {
		server.Close()
		<-served
	})
	return h
}

// Calls are the requests so far.
func (h *Webhook) Calls() []WebhookCall {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.calls)
}

// Allocation are the members of an enrollment that lets the webhook choose.
func (h *Webhook) Allocation() Members {
	return Members{"allocationPolicy": "custom", "customAllocationDefinition": Members{"webhookUrl": h.URL, "apiVersion": "2021-10-01"}}
}

// Answering is a webhook's answer with a status and a body.
func Answering(status int, body any) WebhookAnswer {
	return func(w http.ResponseWriter, _ *http.Request, _ WebhookCall) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body) // a service that has gone reads nothing
	}
}

// Hanging is a webhook that answers nothing until its caller gives up.
func Hanging() WebhookAnswer {
	return func(_ http.ResponseWriter, r *http.Request, _ WebhookCall) { <-r.Context().Done() }
}
