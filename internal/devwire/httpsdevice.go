package devwire

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// httpsDevice is a device over HTTPS (device-api.md 1.1).
type httpsDevice struct {
	wire   *Wire
	client *HTTPClient
	id     Identity
	token  string // that a TPM signed; by a key it is made anew for each request
}

func (w *Wire) httpsDevice(ep Endpoint, id Identity) *httpsDevice {
	client := w.HTTP(ep, DialOptions{Certificate: id.Certificate})
	client.label = id.RegistrationID
	return &httpsDevice{wire: w, client: client, id: id}
}

// RegisterPath is the path and query of a register request over HTTPS.
func RegisterPath(id Identity) string {
	return registrationPath(id) + "/register?api-version=" + id.apiVersion()
}

// PollPath is the path and query of a poll over HTTPS.
func PollPath(id Identity, operationID string) string {
	return registrationPath(id) + "/operations/" + url.PathEscape(operationID) + "?api-version=" + id.apiVersion()
}

// LookupPath is the path and query of the registration status lookup over HTTPS.
func LookupPath(id Identity) string { return registrationPath(id) + "?api-version=" + id.apiVersion() }

func registrationPath(id Identity) string {
	return "/" + url.PathEscape(id.Scope) + "/registrations/" + url.PathEscape(id.RegistrationID)
}

func (d *httpsDevice) Register(ctx context.Context, payload json.RawMessage) (Answer, error) {
	body, err := d.id.Registration(payload)
	if err != nil {
		return Answer{}, err
	}
	r := HTTPRequest{Method: http.MethodPut, Path: RegisterPath(d.id), Body: body}
	if d.id.TPM != nil {
		return d.registerByTPM(ctx, r)
	}
	return d.ask(ctx, r)
}

func (d *httpsDevice) Poll(ctx context.Context, operationID string) (Answer, error) {
	if d.id.TPM != nil && d.token == "" {
		// The registration was another connection's; the TPM still has the key of its challenge.
		token, err := d.id.TPMToken(d.wire.clock().Now(), registrationPolicy)
		if err != nil {
			return Answer{}, notSent("poll before the first registration: %w", err)
		}
		d.token = token
	}
	return d.ask(ctx, HTTPRequest{Method: http.MethodGet, Path: PollPath(d.id, operationID)})
}

func (d *httpsDevice) ask(ctx context.Context, r HTTPRequest) (Answer, error) {
	response, err := d.do(ctx, r)
	if err != nil {
		return Answer{}, err
	}
	return response.Answer()
}

func (d *httpsDevice) do(ctx context.Context, r HTTPRequest) (HTTPResponse, error) {
	r.Header = http.Header{"Accept": {"application/json"}}
	if len(r.Body) > 0 {
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	token := d.token
	if token == "" {
		token = d.id.Token(d.wire.clock().Now())
	}
	if token != "" {
		r.Header.Set("Authorization", token)
	}
	return d.client.Do(ctx, r)
}

func (d *httpsDevice) Close() error {
	d.client.Close()
	return nil
}

// Answer reads the response as one to a register or a poll.
func (r HTTPResponse) Answer() (Answer, error) {
	a, err := ParseAnswer(r.Status, r.Body)
	value := r.Header.Get("Retry-After")
	if value == "" || err != nil {
		return a, err
	}
	if a.RetryAfter, a.HasRetryAfter = seconds(value); !a.HasRetryAfter {
		return a, &Malformed{What: fmt.Sprintf("Retry-After %q is not a number of seconds", value), Raw: r.Body}
	}
	return a, nil
}

// seconds reads what Embedded C reads as retry-after: an unsigned 32-bit integer.
func seconds(text string) (time.Duration, bool) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, false
	}
	return time.Duration(n) * time.Second, true
}
