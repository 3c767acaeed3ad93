package serviceapi_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/fakehub/serviceapi"
	"github.com/dpslab/dpslab/internal/point"
)

func TestPutCreatesAndIfMatchUpdates(t *testing.T) {
	r := newRig(t)
	created := r.do("PUT", "/devices/d1", fmt.Sprintf(`{"deviceId":"d1","unknown":{"is":"ignored"},
		"authentication":{"type":"sas","symmetricKey":{"primaryKey":%q,"secondaryKey":%q}},"capabilities":{"iotEdge":true}}`, key("a"), key("b")))
	created.want(200).holds(map[string]string{
		"deviceId": `"d1"`, "status": `"enabled"`, "statusReason": "null", "connectionState": `"Disconnected"`,
		"connectionStateUpdatedTime": `"0001-01-01T00:00:00Z"`, "lastActivityTime": `"0001-01-01T00:00:00Z"`,
		"authentication.type": `"sas"`, "authentication.symmetricKey.primaryKey": `"` + key("a") + `"`,
		"authentication.x509Thumbprint.primaryThumbprint": "null", "capabilities.iotEdge": "true", "cloudToDeviceMessageCount": "0",
	})
	etag := strings.Trim(created.at("etag"), `"`)
	if scope := created.at("deviceScope"); scope != `"ms-azure-iot-edge://d1-`+strings.Trim(created.at("generationId"), `"`)+`"` {
		t.Errorf("deviceScope is %s", scope)
	}
	r.do("PUT", "/devices/d1", `{"deviceId":"d1"}`).refused(409, "DeviceAlreadyExists")
	r.do("PUT", "/devices/d1", `{"status":"disabled"}`, "If-Match", `"bm8="`).refused(412, "PreconditionFailed")
	r.do("PUT", "/devices/d2", `{}`, "If-Match", `*`).refused(404, "DeviceNotFound")
	r.do("PUT", "/devices/d1", `{}`, "If-Match", "").refused(400, "ArgumentInvalid")

	r.clock.Advance(time.Minute)
	r.do("PUT", "/devices/d1", `{"status":"disabled","statusReason":"lost"}`, "If-Match", `"`+etag+`"`).want(200).holds(map[string]string{
		"status": `"disabled"`, "statusReason": `"lost"`, "statusUpdatedTime": `"2030-01-01T12:01:00.0000000Z"`,
		"authentication.symmetricKey.primaryKey": `"` + key("a") + `"`,
	})
	for _, form := range []string{"%s", `"%s"`, `W/"%s"`} {
		etag := strings.Trim(r.do("GET", "/devices/d1", "").at("etag"), `"`)
		r.do("PUT", "/devices/d1", `{"status":"enabled"}`, "If-Match", fmt.Sprintf(form, etag)).want(200)
		r.do("PUT", "/devices/d1", `{"status":"enabled"}`, "If-Match", fmt.Sprintf(form, "*")).want(200)
	}
	r.do("GET", "/devices/d1", "").want(200).holds(map[string]string{"status": `"enabled"`})
}

func TestEmptyKeysMeanGenerate(t *testing.T) {
	r := newRig(t)
	a := r.do("PUT", "/devices/d1", `{"authentication":{"type":"sas","symmetricKey":{"primaryKey":"","secondaryKey":""}}}`).want(200)
	if got := a.at("authentication.symmetricKey.primaryKey"); len(got) != 46 {
		t.Errorf("the primary key is %s", got)
	}
}

func TestASelfSignedIdentityHasNullKeys(t *testing.T) {
	r := newRig(t)
	print := strings.Repeat("AB", 20)
	r.do("PUT", "/devices/d1", `{"authentication":{"type":"selfSigned","x509Thumbprint":{"primaryThumbprint":"`+print+`"}}}`).want(200).
		holds(map[string]string{
			"authentication.type": `"selfSigned"`, "authentication.symmetricKey.primaryKey": "null",
			"authentication.x509Thumbprint.primaryThumbprint": `"` + print + `"`, "authentication.x509Thumbprint.secondaryThumbprint": "null",
		})
}

func TestGetListAndDelete(t *testing.T) {
	r := newRig(t)
	r.do("GET", "/devices/d1", "").refused(404, "DeviceNotFound")
	if a := r.do("GET", "/devices", "").want(200); a.body != "[]" {
		t.Errorf("an empty list is %s", a.body)
	}
	for _, id := range []string{"d1", "d2", "D1"} {
		r.do("PUT", "/devices/"+id, `{}`).want(200)
	}
	if a := r.do("GET", "/devices?api-version=2021-04-12&top=2", "").want(200); strings.Count(a.body, `"deviceId"`) != 2 {
		t.Errorf("two of three are %s", a.body)
	}
	r.do("GET", "/devices?api-version=2021-04-12&top=0", "").refused(400, "ArgumentInvalid")
	r.do("DELETE", "/devices/d1", "", "If-Match", `"bm8="`).refused(412, "PreconditionFailed")
	if a := r.do("DELETE", "/devices/d1", "", "If-Match", `"*"`).want(204); a.body != "" {
		t.Errorf("the body of a 204 is %q", a.body)
	}
	r.do("DELETE", "/devices/d1", "").refused(404, "DeviceNotFound")
	r.do("DELETE", "/devices/D1", "").want(204)
}

func TestIdsArePercentEncodedInThePath(t *testing.T) {
	r := newRig(t)
	r.do("PUT", "/devices/a%23b%3F%25", `{"deviceId":"a#b?%"}`).want(200).holds(map[string]string{"deviceId": `"a#b?%"`})
	r.do("GET", "/twins/a%23b%3F%25", "").want(200)
	r.do("PUT", "/devices/a%2Fb", `{}`).refused(400, "ArgumentInvalid")
}

func TestStatistics(t *testing.T) {
	r := newRig(t)
	r.do("PUT", "/devices/d1", `{"status":"disabled"}`).want(200)
	r.do("PUT", "/devices/d2", `{}`).want(200)
	if _, err := r.registry.Attach("d2", "", func(string) {}); err != nil {
		t.Fatal(err)
	}
	r.do("GET", "/statistics/devices", "").want(200).holds(map[string]string{"totalDeviceCount": "2", "enabledDeviceCount": "1", "disabledDeviceCount": "1"})
	r.do("GET", "/statistics/service", "").want(200).holds(map[string]string{"connectedDeviceCount": "1"})
	r.do("GET", "/devices/d2", "").want(200).holds(map[string]string{"connectionState": `"Connected"`})
}

func TestAnAnswerCanBeBent(t *testing.T) {
	r := newRig(t)
	bend := point.Entry{ID: "bend", Build: point.Always(serviceapi.BeforeWrite.Plan(func(_ point.Call, a *serviceapi.Reply) { a.Status = 500 }))}
	if _, err := r.points.Arm(bend, point.Address{Registration: "d1", Step: "get device"}, nil); err != nil {
		t.Fatal(err)
	}
	r.do("PUT", "/devices/d1", `{}`).want(200)
	r.do("GET", "/devices/d1", "").want(500)
	r.do("GET", "/devices/d2", "").want(404)
}
