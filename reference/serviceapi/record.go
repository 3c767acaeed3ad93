package serviceapi

import (
	"encoding/json"

	"github.com/dpslab/dpslab/reference/enrollment"
)

// Record renders an enrollment as a GET shows it, without symmetric keys: what a webhook of
// the custom allocation is told (service-api.md 4.6).
func Record(e enrollment.Enrollment) ([]byte, error) {
	return json.Marshal(encode(e, withoutKeys, nil))
}
