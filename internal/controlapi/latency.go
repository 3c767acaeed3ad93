package controlapi

import (
	"context"
	"net/http"
)

// Latencies are milliseconds by network and hub, as in
// {"10.0.0.0/8": {"hub-a.azure-devices.net": 12}}. Of the networks that a device's address
// is in the longest prefix counts. Hubs of which nothing is known are farther than others.
type Latencies map[string]map[string]float64

// SetLatencies replaces what a service knows of the latencies between networks and hubs.
func (c *Client) SetLatencies(ctx context.Context, name string, l Latencies) error {
	if l == nil {
		l = Latencies{}
	}
	_, err := call[any](ctx, c, http.MethodPut, path(services, name, "latencies"), nil, l, answerLimit)
	return err
}
