package deviceapi

import "encoding/json"

// Payload is what a device sends to the custom allocation, any JSON, or nil
// (device-api.md 1.4). Check has judged the body.
func Payload(body []byte) []byte {
	var doc struct {
		Payload json.RawMessage `json:"payload"`
	}
	if json.Unmarshal(body, &doc) != nil || string(doc.Payload) == "null" {
		return nil
	}
	return doc.Payload
}
