package devwire

import (
	"context"
	"net/http"
	"net/url"
)

// DefaultHubAPIVersion is what HubServiceClient asks for by itself and what HubDevice
// puts into its user name.
const DefaultHubAPIVersion = "2021-04-12"

// HubServiceClient speaks the service side of a hub (iot-hub.md 4). Its helpers return any
// status as Do does.
type HubServiceClient struct{ policyClient }

// HubService returns a client that signs with the policy of a hub's connection string.
func (w *Wire) HubService(ep Endpoint, connectionString string) (*HubServiceClient, error) {
	c, err := w.policyClient(ep, connectionString, DefaultHubAPIVersion, ToHub)
	if err != nil {
		return nil, err
	}
	return &HubServiceClient{*c}, nil
}

// Identity reads a device's identity.
func (c *HubServiceClient) Identity(ctx context.Context, deviceID string) (HTTPResponse, error) {
	return c.Do(ctx, ServiceRequest{Method: http.MethodGet, Path: "/devices/" + url.PathEscape(deviceID)})
}

// Twin reads a device's twin.
func (c *HubServiceClient) Twin(ctx context.Context, deviceID string) (HTTPResponse, error) {
	return c.Do(ctx, ServiceRequest{Method: http.MethodGet, Path: twinPath(deviceID)})
}

// PatchTwin merges tags and properties.desired into a twin.
func (c *HubServiceClient) PatchTwin(ctx context.Context, deviceID string, patch map[string]any) (HTTPResponse, error) {
	return c.Do(ctx, ServiceRequest{Method: http.MethodPatch, Path: twinPath(deviceID), Body: patch})
}

// Method calls a direct method. timeoutSeconds 0 leaves the hub's default, 30 s; the
// answer's timeout of the wire ends the wait all the same.
func (c *HubServiceClient) Method(ctx context.Context, deviceID, name string, payload any, timeoutSeconds int) (HTTPResponse, error) {
	body := map[string]any{"methodName": name, "payload": payload}
	if timeoutSeconds != 0 {
		body["responseTimeoutInSeconds"] = timeoutSeconds
	}
	return c.Do(ctx, ServiceRequest{Method: http.MethodPost, Path: twinPath(deviceID) + "/methods", Body: body})
}

func twinPath(deviceID string) string { return "/twins/" + url.PathEscape(deviceID) }
