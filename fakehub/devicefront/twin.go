package devicefront

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"strconv"
	"strings"

	"github.com/dpslab/dpslab/fakehub/huberror"
	"github.com/dpslab/dpslab/fakehub/method"
	"github.com/dpslab/dpslab/fakehub/registry"
	"github.com/dpslab/dpslab/internal/mqttserver"
)

// request returns what answers a PUBLISH on $iothub, nil when the topic is none of ours.
func (d *device) request(ctx context.Context, p mqttserver.Publish) (then func()) {
	path, arguments := arguments(p.Topic)
	rid := arguments["$rid"]
	if rid == "" {
		return nil
	}
	switch {
	case path == twinGet:
		return func() { d.getTwin(rid) } // whatever the payload [DPS-HUB-028]
	case path == twinReport:
		return func() { d.report(rid, arguments["$version"], p.Payload) }
	case strings.HasPrefix(path, methodAnswer):
		status, err := strconv.Atoi(strings.TrimPrefix(path, methodAnswer))
		if err != nil {
			return nil
		}
		return func() { d.answerMethod(ctx, rid, status, p.Payload) }
	}
	return nil
}

// getTwin answers with both collections, without tags and metadata. [DPS-HUB-027]
func (d *device) getTwin(rid string) {
	doc, err := d.front.twin(d.id)
	if err != nil {
		d.refuse(rid, err)
		return
	}
	d.answer(twinResponse(200, rid), doc)
}

// twin is a device's twin as the device reads it.
func (f *Front) twin(deviceID string) (doc map[string]any, err error) {
	t, err := f.Registry.Twin(deviceID)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"desired":  versioned(t.Desired.Values, t.Desired.Version),
		"reported": versioned(t.Reported.Values, t.Reported.Version),
	}, nil
}

func versioned(values map[string]any, version int64) map[string]any {
	doc := make(map[string]any, len(values)+1)
	maps.Copy(doc, values)
	doc["$version"] = version
	return doc
}

// report merges the device's patch into its reported properties. [DPS-HUB-029]
func (d *device) report(rid, base string, payload []byte) {
	patch, err := object(payload)
	if err != nil { // [DPS-HUB-031]
		d.refuse(rid, err)
		return
	}
	var expected *int64
	if base != "" {
		n, err := strconv.ParseInt(base, 10, 64)
		if err != nil {
			d.refuse(rid, huberror.New(huberror.ArgumentInvalid, "$version is %.40q, which is no number", base))
			return
		}
		expected = &n
	}
	version, err := d.front.Registry.Report(d.id, patch, expected)
	if err != nil {
		d.refuse(rid, err)
		return
	}
	d.answer(reportedResponse(rid, version), nil)
}

// object decodes a JSON object, its numbers as written.
func object(payload []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber()
	var o map[string]any
	if err := decoder.Decode(&o); err != nil || o == nil {
		return nil, huberror.New(huberror.ArgumentInvalid, "the payload is no JSON object")
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, huberror.New(huberror.ArgumentInvalid, "something follows the JSON object of the payload")
	}
	return o, nil
}

// refusal is the body of a refused twin request. Node knows a refusal by errorCode and
// message alone (iot-hub.md 1.8).
type refusal struct {
	ErrorCode    int    `json:"errorCode"`
	TrackingID   string `json:"trackingId"`
	Message      string `json:"message"`
	TimestampUTC string `json:"timestampUtc"`
}

func (d *device) refuse(rid string, err error) {
	status, doc := d.front.refusal(err)
	d.answer(twinResponse(status, rid), doc)
}

func (f *Front) refusal(err error) (status int, doc refusal) {
	e := huberror.From(err)
	now := f.Clock.Now().UTC()
	return e.Status(), refusal{
		ErrorCode: e.Number, TrackingID: huberror.TrackingID(now), Message: e.Message, TimestampUTC: now.Format(sevenDigits),
	}
}

// sevenDigits is how .NET writes a time.
const sevenDigits = "2006-01-02T15:04:05.0000000Z"

// answer publishes on $iothub/twin/res, at QoS 0, to a device that subscribes to it. A nil
// value is an empty body. [DPS-HUB-032]
func (d *device) answer(topic string, value any) {
	if !d.has(twinAnswers) {
		return
	}
	var body []byte
	if value != nil {
		var err error
		if body, err = json.Marshal(value); err != nil {
			d.session.Close("an answer cannot be encoded")
			return
		}
	}
	d.session.Go(func(ctx context.Context) { _ = d.session.Publish(ctx, topic, body, 0) })
}

// sendDesired tells the device of a desired change. [DPS-HUB-030]
func (d *device) sendDesired(ctx context.Context, c registry.Change) error {
	body, err := json.Marshal(versioned(c.Patch, c.Version))
	if err != nil {
		return err
	}
	return d.session.Publish(ctx, desiredTopic(c.Version), body, 0)
}

// answerMethod passes on the device's answer; one that nobody waits for is dropped.
// [DPS-HUB-036]
func (d *device) answerMethod(ctx context.Context, rid string, status int, payload []byte) {
	d.front.Methods.Answer(ctx, d.session.At(method.StepMethod), d.id, rid, methodResult(status, payload))
}

// methodResult is what a device said to a method call.
func methodResult(status int, payload []byte) method.Answer {
	a := method.Answer{Status: status}
	switch {
	case len(bytes.TrimSpace(payload)) == 0:
	case json.Valid(payload):
		a.Payload = bytes.Clone(payload)
	default: // the caller reads JSON: what is none reaches it as a string
		a.Payload, _ = json.Marshal(string(payload))
	}
	return a
}
