package hubclient

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/dpslab/dpslab/reference/provisioning"
)

// The hub's registry documents, as far as DPS writes them (iot-hub.md 4.2).

type importItem struct {
	ID             string          `json:"id"`
	ImportMode     string          `json:"importMode"`
	Status         string          `json:"status"`
	Authentication authentication  `json:"authentication"`
	Capabilities   capabilities    `json:"capabilities"`
	Tags           json.RawMessage `json:"tags,omitempty"`
	Properties     *properties     `json:"properties,omitempty"`
}

type device struct {
	DeviceID       string         `json:"deviceId"`
	Status         string         `json:"status"`
	Authentication authentication `json:"authentication"`
	Capabilities   capabilities   `json:"capabilities"`
}

type authentication struct {
	Type         string        `json:"type"`
	SymmetricKey *symmetricKey `json:"symmetricKey,omitempty"`
	Thumbprint   *thumbprint   `json:"x509Thumbprint,omitempty"`
}

type symmetricKey struct {
	Primary   string `json:"primaryKey"`
	Secondary string `json:"secondaryKey"`
}

type thumbprint struct {
	Primary   string `json:"primaryThumbprint,omitempty"`
	Secondary string `json:"secondaryThumbprint,omitempty"`
}

type capabilities struct {
	IoTEdge bool `json:"iotEdge"`
}

type properties struct {
	Desired  json.RawMessage `json:"desired,omitempty"`
	Reported json.RawMessage `json:"reported,omitempty"` // a hub takes it in an import only
}

type importResult struct {
	Errors []importError `json:"errors"`
}

type importError struct {
	ErrorCode json.Number `json:"errorCode"`
}

// alreadyExists is the registry's code for an id that is taken (iot-hub.md 7.2).
const alreadyExists json.Number = "409001"

func itemOf(id provisioning.Identity) importItem {
	item := importItem{
		ID: id.DeviceID, ImportMode: "create", Status: "enabled",
		Authentication: authenticationOf(id), Capabilities: capabilities{id.IoTEdge}, Tags: id.Twin.Tags,
	}
	if id.Twin.Desired != nil || id.Twin.Reported != nil {
		item.Properties = &properties{id.Twin.Desired, id.Twin.Reported}
	}
	return item
}

func deviceOf(id provisioning.Identity) device {
	return device{id.DeviceID, "enabled", authenticationOf(id), capabilities{id.IoTEdge}}
}

// authenticationOf is sas for keys and selfSigned for certificates, of groups too
// (iot-hub.md 5).
func authenticationOf(id provisioning.Identity) authentication {
	if id.PrimaryThumbprint != "" {
		return authentication{Type: "selfSigned", Thumbprint: &thumbprint{id.PrimaryThumbprint, id.SecondaryThumbprint}}
	}
	return authentication{Type: "sas", SymmetricKey: &symmetricKey{base64Of(id.PrimaryKey), base64Of(id.SecondaryKey)}}
}

func base64Of(key []byte) string { return base64.StdEncoding.EncodeToString(key) }

// decodeTwin keeps what a device takes along: tags, desired and reported properties without
// the hub's own bookkeeping.
func decodeTwin(body []byte) (provisioning.Twin, error) {
	var doc struct {
		Tags       members `json:"tags"`
		Properties struct {
			Desired  members `json:"desired"`
			Reported members `json:"reported"`
		} `json:"properties"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return provisioning.Twin{}, fmt.Errorf("the hub's twin does not parse: %w", err)
	}
	for _, m := range []members{doc.Properties.Desired, doc.Properties.Reported} {
		delete(m, "$metadata")
		delete(m, "$version")
	}
	return provisioning.Twin{
		Tags: doc.Tags.object(), Desired: doc.Properties.Desired.object(), Reported: doc.Properties.Reported.object(),
	}, nil
}

// members are those of a JSON object, each as it was written.
type members map[string]json.RawMessage

// object is the JSON object; nil when it was left out or null.
func (m members) object() []byte {
	if m == nil {
		return nil
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // its values were valid JSON when they were read
	}
	return b
}
