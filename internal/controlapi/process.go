package controlapi

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Info tells what runs behind a control port.
type Info struct {
	Version       string   `json:"version"`
	Roles         []string `json:"roles"` // "reference", "fakehub"
	Addresses     []string `json:"addresses"`
	Ports         Ports    `json:"ports"`
	CACertificate string   `json:"caCertificate"` // PEM
}

// Ports are the ports that devices and service clients use.
type Ports struct {
	HTTPS int `json:"https"`
	MQTTS int `json:"mqtts"`
	AMQPS int `json:"amqps"`
}

// Entry is a wrong behaviour that can be armed.
type Entry struct {
	ID      string   `json:"id"`
	Role    string   `json:"role"` // whose: "reference" or "fakehub"
	Summary string   `json:"summary"`
	Catches []string `json:"catches"` // requirement ids
	Params  []string `json:"params"`
}

// Event is one thing that happened on a connection that the lab recorded, redacted.
type Event struct {
	Seq          uint64    `json:"seq"`
	At           time.Time `json:"at"`
	Side         string    `json:"side"`
	Conn         uint64    `json:"conn"`
	Protocol     string    `json:"protocol"`
	Service      string    `json:"service"`
	Listener     string    `json:"listener"`
	Registration string    `json:"registration"`
	Direction    string    `json:"direction"` // "received", "sent", or empty
	Kind         string    `json:"kind"`      // "opened", "closed", "note", "injected", "message", "garbage"
	Summary      string    `json:"summary"`
	Lines        []string  `json:"lines"`
	Body         string    `json:"body"`
}

// Filter selects events of a transcript. Empty fields select all.
type Filter struct {
	Service      string // a service's or hub's name
	Registration string // whole connections of this registration or device
	After        uint64 // only events with a higher Seq
}

func (f Filter) query() url.Values {
	return query("service", f.Service, "registration", f.Registration, "after", count(f.After))
}

// query makes parameters of the pairs whose value is not empty.
func query(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

func count(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

// Info asks what runs behind the control port.
func (c *Client) Info(ctx context.Context) (Info, error) {
	return call[Info](ctx, c, http.MethodGet, path("info"), nil, nil, answerLimit)
}

// Catalogue lists what can be armed.
func (c *Client) Catalogue(ctx context.Context) ([]Entry, error) {
	return call[[]Entry](ctx, c, http.MethodGet, path("catalogue"), nil, nil, answerLimit)
}

// Transcript returns what the lab retains and the filter selects, in sequence order.
func (c *Client) Transcript(ctx context.Context, f Filter) ([]Event, error) {
	return call[[]Event](ctx, c, http.MethodGet, path("transcript"), f.query(), nil, transcriptLimit)
}

// Events yields what is retained and then what happens, until ctx ends. Whatever else
// ends it is yielded as the last error: ErrStreamEnded when the server did.
func (c *Client) Events(ctx context.Context, f Filter) iter.Seq2[Event, error] {
	return stream[Event](ctx, c, path("events"), f.query())
}
