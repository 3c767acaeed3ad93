package serviceapi

import (
	"net/http"
	"strings"

	"github.com/dpslab/dpslab/fakehub/huberror"
	"github.com/dpslab/dpslab/fakehub/registry"
	"github.com/dpslab/dpslab/internal/etag"
)

// maxItems is how many devices one bulk request may name (iot-hub.md 4.2).
const maxItems = 100

// item is one device of a bulk request. Its id member is "id", not "deviceId".
type item struct {
	written
	ID         string `json:"id"`
	ImportMode string `json:"importMode"`
	ETag       string `json:"eTag"`
	TwinETag   string `json:"twinETag"`
	writtenTwin
}

// modes are the import modes in lower case, which is how they are compared: Node writes
// some of them with a capital.
var modes = map[string]struct {
	mode      registry.Mode
	ifMatches bool // the item's eTag, or twinETag for a twin, must hold
}{
	"create":                    {mode: registry.ModeCreate},
	"update":                    {mode: registry.ModeUpdate},
	"updateifmatchetag":         {registry.ModeUpdate, true},
	"createorupdate":            {mode: registry.ModeCreateOrUpdate},
	"createorupdateifmatchetag": {registry.ModeCreateOrUpdate, true},
	"delete":                    {mode: registry.ModeDelete},
	"deleteifmatchetag":         {registry.ModeDelete, true},
	"updatetwin":                {mode: registry.ModeUpdateTwin},
	"updatetwinifmatchetag":     {registry.ModeUpdateTwin, true},
}

// results answer a bulk request.
type results struct {
	IsSuccessful bool     `json:"isSuccessful"`
	Errors       []failed `json:"errors"`
	Warnings     []failed `json:"warnings"`
}

type failed struct {
	DeviceID    string `json:"deviceId"`
	ErrorCode   int    `json:"errorCode"`
	ErrorStatus string `json:"errorStatus"`
}

// bulk writes many devices, each wholly or not at all. One that fails makes the answer
// 400 and keeps no other from being written.
func bulk(q *request) (reply, error) {
	var in []item
	if err := q.read(maxBulk, &in); err != nil {
		return reply{}, err
	}
	switch {
	case len(in) == 0:
		return reply{}, huberror.New(huberror.ArgumentNull, "the request names no device")
	case len(in) > maxItems:
		return reply{}, huberror.New(huberror.TooManyDevices, "the request names %d devices; at most %d are allowed", len(in), maxItems)
	}
	answer := results{IsSuccessful: true, Errors: []failed{}, Warnings: []failed{}}
	fail := func(id string, err error) {
		e := huberror.From(err)
		answer.IsSuccessful = false
		answer.Errors = append(answer.Errors, failed{id, e.Number, e.Message})
	}
	var items []registry.Item
	for _, one := range in {
		converted, err := one.item(q)
		if err != nil {
			fail(one.id(), err)
			continue
		}
		items = append(items, converted)
	}
	for _, result := range q.api.Registry.Apply(items) {
		if result.Err != nil {
			fail(result.DeviceID, result.Err)
		}
	}
	if !answer.IsSuccessful {
		return reply{status: http.StatusBadRequest, value: answer}, nil
	}
	return ok(answer)
}

func (i item) id() string {
	if i.ID == "" {
		return i.DeviceID
	}
	return i.ID
}

func (i item) item(q *request) (registry.Item, error) {
	mode, known := modes[strings.ToLower(i.ImportMode)]
	if !known {
		return registry.Item{}, huberror.New(huberror.ArgumentInvalid, "importMode is %.40q, which is none", i.ImportMode)
	}
	out := registry.Item{Mode: mode.mode, Identity: i.identity(), Tags: i.Tags, Desired: i.Properties.Desired, Reported: i.Properties.Reported}
	out.Identity.DeviceID = i.id()
	if !mode.ifMatches {
		return out, nil
	}
	text, target := i.ETag, &out.If
	if mode.mode == registry.ModeUpdateTwin {
		text, target = i.TwinETag, &out.TwinIf
	}
	var condition etag.Condition
	condition, err := conditionOf(text)
	*target = q.bent(condition)
	return out, err
}
