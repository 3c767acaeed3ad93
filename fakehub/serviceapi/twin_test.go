package serviceapi_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/fakehub/serviceapi"
	"github.com/dpslab/dpslab/internal/point"
)

func TestATwinIsReadPatchedAndReplaced(t *testing.T) {
	r := newRig(t)
	r.do("GET", "/twins/d1", "").refused(404, "DeviceNotFound")
	r.do("PATCH", "/twins/d1", `{"tags":{}}`).refused(404, "DeviceNotFound")
	device := r.do("PUT", "/devices/d1", `{}`).want(200)
	fresh := r.do("GET", "/twins/d1", "").want(200).holds(map[string]string{
		"deviceId": `"d1"`, "etag": `"AAAAAAAAAAE="`, "deviceEtag": device.at("etag"), "version": "2", "tags": "{}", "modelId": `""`,
		"status": `"enabled"`, "connectionState": `"Disconnected"`, "authenticationType": `"sas"`, "capabilities.iotEdge": "false",
		"properties.desired":  `{"$metadata":{"$lastUpdated":"2030-01-01T12:00:00.0000000Z","$lastUpdatedVersion":1},"$version":1}`,
		"properties.reported": `{"$metadata":{"$lastUpdated":"2030-01-01T12:00:00.0000000Z"},"$version":1}`,
	})
	r.clock.Advance(time.Second)
	r.do("PATCH", "/twins/d1", `{"tags":{"site":"lab","gone":null},"properties":{"desired":{"net":{"interval":30}},"reported":{"ignored":1}}}`).want(200).
		holds(map[string]string{
			"tags": `{"site":"lab"}`, "version": "3", "properties.desired.$version": "2", "properties.desired.net.interval": "30",
			"properties.desired.$metadata.net.interval": `{"$lastUpdated":"2030-01-01T12:00:01.0000000Z","$lastUpdatedVersion":2}`,
			"properties.reported.$version":              "1",
		})
	r.do("PATCH", "/twins/d1", `{"tags":{"site":null}}`, "If-Match", fresh.at("etag")).refused(412, "PreconditionFailed")
	r.do("PATCH", "/twins/d1", `{"tags":null,"properties":{"desired":null}}`, "If-Match", "*").want(200).holds(map[string]string{"tags": `{"site":"lab"}`})
	r.do("PUT", "/twins/d1", `{"tags":{"a":1},"properties":{"desired":{"b":2}}}`).want(200).
		holds(map[string]string{"tags": `{"a":1}`, "properties.desired.b": "2", "properties.desired.net": "null", "properties.desired.$version": "3"})
	r.do("PATCH", "/twins/d1", `{"tags":{"a.b":1}}`).refused(400, "ArgumentInvalid")
	r.do("PATCH", "/twins/d1", `{"properties":{"desired":[]}}`).refused(400, "IotHubFormatError")
}

func TestATwinThatWasReadCanBeWrittenBack(t *testing.T) {
	r := newRig(t)
	r.do("PUT", "/devices/d1", `{}`).want(200)
	r.do("PATCH", "/twins/d1", `{"properties":{"desired":{"o":{"a":1}}}}`).want(200)
	read := r.do("GET", "/twins/d1", "").want(200)
	r.do("PATCH", "/twins/d1", read.body, "If-Match", read.at("etag")).want(200).
		holds(map[string]string{"properties.desired.o": `{"a":1}`, "properties.desired.$version": "3"})
}

func TestBulkMakesIdentityAndTwinInOneStep(t *testing.T) {
	r := newRig(t)
	r.do("POST", "/devices", fmt.Sprintf(`[{"id":"d1","importMode":"create","status":"enabled",
		"authentication":{"type":"sas","symmetricKey":{"primaryKey":%q,"secondaryKey":%q}},"capabilities":{"iotEdge":false},
		"tags":{"site":"lab"},"properties":{"desired":{"interval":30},"reported":{"fw":"1"}}}]`, key("a"), key("b"))).want(200).
		holds(map[string]string{"isSuccessful": "true", "errors": "[]", "warnings": "[]"})
	r.do("GET", "/twins/d1", "").want(200).holds(map[string]string{
		"tags": `{"site":"lab"}`, "properties.desired.interval": "30", "properties.desired.$version": "1", "properties.reported.fw": `"1"`,
	})
	r.do("GET", "/devices/d1", "").want(200).holds(map[string]string{"authentication.symmetricKey.secondaryKey": `"` + key("b") + `"`})
}

func TestBulkModes(t *testing.T) {
	r := newRig(t)
	one := func(item string) answer { return r.do("POST", "/devices", "["+item+"]") }
	failed := func(item string, code string) {
		t.Helper()
		a := one(item).want(400).holds(map[string]string{"isSuccessful": "false"})
		if !strings.Contains(a.body, `"errorCode":`+code) || !strings.Contains(a.body, `"deviceId":"d1"`) {
			t.Errorf("%s: %s", item, a.body)
		}
	}
	failed(`{"id":"d1","importMode":"update"}`, "404001")
	failed(`{"id":"d1","importMode":"Delete"}`, "404001")
	failed(`{"id":"d1","importMode":"updateTwin","tags":{"a":1}}`, "404001")
	failed(`{"id":"d1","importMode":"sometimes"}`, "400004")
	failed(`{"id":"d1"}`, "400004")
	one(`{"id":"d1","importMode":"createOrUpdate"}`).want(200)
	failed(`{"id":"d1","importMode":"create"}`, "409001")
	one(`{"id":"d1","importMode":"Update","status":"disabled"}`).want(200)
	etag := strings.Trim(r.do("GET", "/devices/d1", "").want(200).holds(map[string]string{"status": `"disabled"`}).at("etag"), `"`)
	failed(`{"id":"d1","importMode":"updateIfMatchETag","eTag":"bm8=","status":"enabled"}`, "412001")
	failed(`{"id":"d1","importMode":"updateIfMatchETag","status":"enabled"}`, "400005")
	one(`{"id":"d1","importMode":"UpdateIfMatchETag","eTag":"` + etag + `","status":"enabled"}`).want(200)
	failed(`{"id":"d1","importMode":"updateTwinIfMatchETag","twinETag":"bm8=","tags":{"a":1}}`, "412001")
	one(`{"id":"d1","importMode":"updateTwinIfMatchETag","twinETag":"AAAAAAAAAAE=","tags":{"a":1}}`).want(200)
	one(`{"id":"d1","importMode":"updateTwin","tags":{"b":2}}`).want(200)
	r.do("GET", "/twins/d1", "").want(200).holds(map[string]string{"tags": `{"a":1,"b":2}`})
	failed(`{"id":"d1","importMode":"createOrUpdateIfMatchETag","eTag":"bm8="}`, "412001")
	failed(`{"id":"d1","importMode":"DeleteIfMatchETag","eTag":"bm8="}`, "412001")
	one(`{"id":"d1","importMode":"Delete"}`).want(200)
	r.do("GET", "/devices/d1", "").refused(404, "DeviceNotFound")
}

func TestBulkLimits(t *testing.T) {
	r := newRig(t)
	r.do("POST", "/devices", "[]").refused(400, "ArgumentNull")
	items := make([]string, 101)
	for i := range items {
		items[i] = fmt.Sprintf(`{"id":"d%d","importMode":"create"}`, i)
	}
	r.do("POST", "/devices", "["+strings.Join(items, ",")+"]").refused(413, "TooManyDevices")
	r.do("POST", "/devices", "["+strings.Join(items[:100], ",")+"]").want(200)
	if n := r.registry.Count().Total; n != 100 {
		t.Errorf("%d devices", n)
	}
}

func TestAPlanCanIgnoreIfMatch(t *testing.T) {
	r := newRig(t)
	r.do("PUT", "/devices/d1", `{}`).want(200)
	ignore := point.Entry{ID: "ignore", Build: point.Always(serviceapi.Precondition.Plan(func(_ point.Call, m *serviceapi.Match) { m.Ignore = true }))}
	if _, err := r.points.Arm(ignore, point.Address{}, nil); err != nil {
		t.Fatal(err)
	}
	r.do("PATCH", "/twins/d1", `{"tags":{"a":1}}`, "If-Match", `"bm8="`).want(200)
	r.do("PUT", "/devices/d1", `{"status":"disabled"}`, "If-Match", `"bm8="`).want(200).holds(map[string]string{"status": `"disabled"`})
	r.do("PUT", "/devices/d1", `{}`).refused(409, "DeviceAlreadyExists")
}
