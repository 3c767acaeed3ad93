// Package hubclient is how the reference DPS reaches a linked hub: over HTTPS, with the
// connection string that the hub was linked with (service-api.md 4.7).
//
// A new device costs one request: the bulk call of the hub's registry creates identity
// and twin together, so that no device is ever seen with the one and without the other.
package hubclient

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/sas"
	"github.com/dpslab/dpslab/reference/provisioning"
)

const (
	apiVersion   = "2021-04-12"
	callTimeout  = 5 * time.Second // with this a silent hub is asked several times before a device gives up
	maxAnswer    = 1 << 20
	tokenLife    = time.Hour
	tokenRenewal = 10 * time.Minute // a token with less life left is not used
)

// Options are what all linked hubs of a process share.
type Options struct {
	Roots *x509.CertPool
	// Address gives the "host:port" that is dialled for a hub's host name; empty where nobody
	// knows: a name is never looked up by itself, since it may be somebody's real hub.
	Address func(host string) string
	Clock   clock.Clock // tokens are minted and certificates judged by it
}

// Hub is one linked hub. It satisfies provisioning.Hub.
type Hub struct {
	o      Options
	linked sas.ConnectionString
	client *http.Client

	mu      sync.Mutex // guards token and expires
	token   string
	expires time.Time
}

// New links the hub that the connection string names.
func New(connectionString string, o Options) (*Hub, error) {
	linked, err := sas.ParseConnectionString(connectionString)
	if err != nil {
		return nil, err
	}
	h := &Hub{o: o, linked: linked}
	h.client = &http.Client{
		Timeout:       callTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				address := o.Address(linked.HostName)
				if address == "" {
					return nil, fmt.Errorf("hub %s is not of this lab, and was linked without an address", linked.HostName)
				}
				return (&net.Dialer{}).DialContext(ctx, network, address)
			},
			TLSClientConfig:     &tls.Config{RootCAs: o.Roots, ServerName: linked.HostName, Time: o.Clock.Now},
			TLSHandshakeTimeout: callTimeout,
			MaxIdleConnsPerHost: 64,
			IdleConnTimeout:     time.Minute,
			DisableCompression:  true,
		},
	}
	return h, nil
}

// Host is the hub's name.
func (h *Hub) Host() string { return h.linked.HostName }

// Close lets go of idle connections.
func (h *Hub) Close() { h.client.CloseIdleConnections() }

// Assign creates the identity with its twin, or gives an existing one these credentials
// and leaves its twin alone.
func (h *Hub) Assign(ctx context.Context, id provisioning.Identity) error {
	status, body, err := h.call(ctx, http.MethodPost, "/devices", nil, []importItem{itemOf(id)})
	if err != nil || status == http.StatusOK {
		return err
	}
	var result importResult
	if json.Unmarshal(body, &result) == nil && len(result.Errors) == 1 && result.Errors[0].ErrorCode == alreadyExists {
		status, _, err = h.call(ctx, http.MethodPut, devicePath(id.DeviceID), http.Header{"If-Match": {`"*"`}}, deviceOf(id))
		if err != nil || status == http.StatusOK {
			return err
		}
	}
	return unexpected(status)
}

// Twin reads tags, desired and reported properties.
func (h *Hub) Twin(ctx context.Context, deviceID string) (provisioning.Twin, error) {
	status, body, err := h.call(ctx, http.MethodGet, "/twins/"+url.PathEscape(deviceID), nil, nil)
	if err != nil {
		return provisioning.Twin{}, err
	}
	if status != http.StatusOK {
		return provisioning.Twin{}, unexpected(status)
	}
	return decodeTwin(body)
}

// Release removes the identity and its twin.
func (h *Hub) Release(ctx context.Context, deviceID string) error {
	status, _, err := h.call(ctx, http.MethodDelete, devicePath(deviceID), http.Header{"If-Match": {`"*"`}}, nil)
	if err != nil || status == http.StatusNoContent || status == http.StatusNotFound {
		return err
	}
	return unexpected(status)
}

func devicePath(id string) string { return "/devices/" + url.PathEscape(id) }

func (h *Hub) call(ctx context.Context, method, path string, header http.Header, v any) (status int, body []byte, err error) {
	var payload io.Reader
	if v != nil {
		b, err := json.Marshal(v)
		if err != nil {
			return 0, nil, err
		}
		payload = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, "https://"+h.linked.HostName+path+"?api-version="+apiVersion, payload)
	if err != nil {
		return 0, nil, err
	}
	for name, values := range header {
		r.Header[name] = values
	}
	r.Header.Set("Authorization", h.authorization())
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	answer, err := h.client.Do(r)
	if err != nil {
		return 0, nil, h.unavailable(err)
	}
	defer answer.Body.Close()
	body, err = io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return 0, nil, h.unavailable(err)
	}
	return answer.StatusCode, body, nil
}

// unavailable gives up the connections to a hub that did not answer: one that was cut off
// and is back elsewhere leaves connections on which nobody ever says a word.
func (h *Hub) unavailable(err error) error {
	h.client.CloseIdleConnections()
	return fmt.Errorf("%w: %w", provisioning.ErrHubUnavailable, err)
}

// authorization returns a token for the hub, minting one when the last nears its end.
func (h *Hub) authorization() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now := h.o.Clock.Now(); h.expires.Sub(now) < tokenRenewal {
		h.expires = now.Add(tokenLife)
		h.token = sas.Sign(h.linked.HostName, h.linked.SharedAccessKey, h.expires, h.linked.SharedAccessKeyName)
	}
	return h.token
}

// unexpected tells the core what an answer means. The hub's text stays out of it: it goes
// to logs, and nobody knows what a foreign hub writes.
func unexpected(status int) error {
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return fmt.Errorf("%w: it answered %d", provisioning.ErrHubUnauthorized, status)
	case status >= 500 || status == http.StatusTooManyRequests:
		return fmt.Errorf("%w: it answered %d", provisioning.ErrHubUnavailable, status)
	}
	return fmt.Errorf("the hub answered %d", status)
}
