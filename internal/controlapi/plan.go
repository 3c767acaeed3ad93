package controlapi

import (
	"context"
	"net/http"
)

// Plan says which catalogue entry shall act, on what, and with which arguments.
type Plan struct {
	Entry   string            `json:"entry"`
	Address Address           `json:"address"`
	Args    map[string]string `json:"args,omitempty"`
}

// Address narrows what an entry acts on; the zero Address is everything.
type Address struct {
	Registration string `json:"registration,omitempty"` // registration or device id
	Listener     string `json:"listener,omitempty"`     // IP address
	Step         string `json:"step,omitempty"`
	Nth          int    `json:"nth,omitempty"` // the nth match only, counted from 1
	Seed         uint64 `json:"seed,omitempty"`
}

// Armed describes an entry that is armed.
type Armed struct {
	Handle  string            `json:"handle"`
	Entry   string            `json:"entry"`
	Address Address           `json:"address"`
	Args    map[string]string `json:"args"`
	Fired   int               `json:"fired"` // how often it acted
}

func (c *Client) arm(ctx context.Context, collection, name string, p Plan) (string, error) {
	type armed struct {
		Handle string `json:"handle"`
	}
	a, err := call[armed](ctx, c, http.MethodPost, path(collection, name, "points"), nil, p, answerLimit)
	return a.Handle, err
}

func (c *Client) points(ctx context.Context, collection, name string) ([]Armed, error) {
	return call[[]Armed](ctx, c, http.MethodGet, path(collection, name, "points"), nil, nil, answerLimit)
}
