package serviceapi

import (
	"net/http"
	"strconv"

	"github.com/dpslab/dpslab/fakehub/huberror"
	"github.com/dpslab/dpslab/fakehub/registry"
	"github.com/dpslab/dpslab/internal/etag"
)

// device is the identity JSON (iot-hub.md 4.2). In a request, members that are absent
// stay at their zero value.
type device struct {
	DeviceID                   string         `json:"deviceId"`
	GenerationID               string         `json:"generationId"`
	ETag                       etag.ETag      `json:"etag"`
	ConnectionState            string         `json:"connectionState"`
	Status                     string         `json:"status"`
	StatusReason               *string        `json:"statusReason"`
	ConnectionStateUpdatedTime timestamp      `json:"connectionStateUpdatedTime"`
	StatusUpdatedTime          timestamp      `json:"statusUpdatedTime"`
	LastActivityTime           timestamp      `json:"lastActivityTime"`
	CloudToDeviceMessageCount  int            `json:"cloudToDeviceMessageCount"`
	Authentication             authentication `json:"authentication"`
	Capabilities               capabilities   `json:"capabilities"`
	DeviceScope                string         `json:"deviceScope,omitempty"`
	ParentScopes               []string       `json:"parentScopes,omitempty"`
}

type authentication struct {
	SymmetricKey   symmetricKey   `json:"symmetricKey"`
	X509Thumbprint x509Thumbprint `json:"x509Thumbprint"`
	Type           string         `json:"type"`
}

type symmetricKey struct {
	PrimaryKey   *string `json:"primaryKey"`
	SecondaryKey *string `json:"secondaryKey"`
}

type x509Thumbprint struct {
	PrimaryThumbprint   *string `json:"primaryThumbprint"`
	SecondaryThumbprint *string `json:"secondaryThumbprint"`
}

type capabilities struct {
	IoTEdge bool `json:"iotEdge"`
}

// orNull is the JSON of a text that is null when there is none.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func encodeDevice(i registry.Identity) device {
	return device{
		DeviceID: i.DeviceID, GenerationID: i.GenerationID, ETag: i.ETag,
		ConnectionState: connectionState(i),
		Status:          string(i.Status), StatusReason: orNull(i.StatusReason),
		ConnectionStateUpdatedTime: timestamp(i.ConnectionUpdated),
		StatusUpdatedTime:          timestamp(i.StatusUpdated),
		LastActivityTime:           timestamp(i.LastActivity),
		Authentication: authentication{
			SymmetricKey:   symmetricKey{orNull(i.Authentication.Keys.Primary), orNull(i.Authentication.Keys.Secondary)},
			X509Thumbprint: encodeThumbprints(i),
			Type:           string(i.Authentication.Type),
		},
		Capabilities: capabilities{i.Edge}, DeviceScope: i.DeviceScope, ParentScopes: i.ParentScopes,
	}
}

func encodeThumbprints(i registry.Identity) x509Thumbprint {
	t := i.Authentication.Thumbprints
	return x509Thumbprint{orNull(t.Primary), orNull(t.Secondary)}
}

func connectionState(i registry.Identity) string {
	if i.Connected {
		return "Connected"
	}
	return "Disconnected"
}

// written is what a client may set of an identity.
type written struct {
	DeviceID       string          `json:"deviceId"`
	Status         string          `json:"status"`
	StatusReason   *string         `json:"statusReason"`
	Authentication *authentication `json:"authentication"`
	Capabilities   *capabilities   `json:"capabilities"`
	DeviceScope    string          `json:"deviceScope"`
	ParentScopes   []string        `json:"parentScopes"`
}

func (d written) identity() registry.Identity {
	i := registry.Identity{
		DeviceID: d.DeviceID, Status: registry.Status(d.Status), StatusReason: orEmpty(d.StatusReason),
		DeviceScope: d.DeviceScope, ParentScopes: d.ParentScopes,
	}
	if a := d.Authentication; a != nil {
		i.Authentication = registry.Authentication{
			Type:        registry.AuthType(a.Type),
			Keys:        registry.Keys{Primary: orEmpty(a.SymmetricKey.PrimaryKey), Secondary: orEmpty(a.SymmetricKey.SecondaryKey)},
			Thumbprints: registry.Thumbprints{Primary: orEmpty(a.X509Thumbprint.PrimaryThumbprint), Secondary: orEmpty(a.X509Thumbprint.SecondaryThumbprint)},
		}
	}
	if d.Capabilities != nil {
		i.Edge = d.Capabilities.IoTEdge
	}
	return i
}

// get answers with an identity. [DPS-HUB-043] [DPS-HUB-047]
func get(q *request) (reply, error) {
	i, err := q.api.Registry.Get(q.deviceID)
	if err != nil {
		return reply{}, err
	}
	return ok(encodeDevice(i))
}

// put creates without If-Match and updates with it.
func put(q *request) (reply, error) {
	condition, update, err := q.condition()
	if err != nil {
		return reply{}, err
	}
	var in written
	if err := q.read(maxBody, &in); err != nil {
		return reply{}, err
	}
	if in.DeviceID == "" {
		in.DeviceID = q.deviceID
	}
	if in.DeviceID != q.deviceID {
		return reply{}, huberror.New(huberror.ArgumentInvalid, "the body is for %.130q, the path for %.130q", in.DeviceID, q.deviceID)
	}
	var stored registry.Identity
	if update {
		stored, err = q.api.Registry.Update(in.identity(), condition)
	} else {
		stored, err = q.api.Registry.Create(in.identity())
	}
	if err != nil {
		return reply{}, err
	}
	return ok(encodeDevice(stored))
}

// remove deletes an identity with its twin. [DPS-HUB-045]
func remove(q *request) (reply, error) {
	condition, _, err := q.condition()
	if err != nil {
		return reply{}, err
	}
	if err := q.api.Registry.Delete(q.deviceID, condition); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, nil
}

// list answers with identities, top of them at most. [DPS-HUB-044]
func list(q *request) (reply, error) {
	top := 0
	if text := q.URL.Query().Get("top"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > registry.MaxListed {
			return reply{}, huberror.New(huberror.ArgumentInvalid, "top is %.20q; it is 1 to %d", text, registry.MaxListed)
		}
		top = n
	}
	devices := []device{}
	for _, i := range q.api.Registry.List(top) {
		devices = append(devices, encodeDevice(i))
	}
	return ok(devices)
}

// statistics counts the devices, or for /statistics/service those that are connected.
func statistics(q *request) (reply, error) {
	c := q.api.Registry.Count()
	if q.segments[1] == "service" {
		return ok(map[string]int{"connectedDeviceCount": c.Connected})
	}
	return ok(map[string]int{"totalDeviceCount": c.Total, "enabledDeviceCount": c.Enabled, "disabledDeviceCount": c.Disabled})
}
