package hubclient_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"testing"

	"github.com/dpslab/dpslab/reference/provisioning"
)

// sameJSON compares documents, whatever the order of their members.
func sameJSON(t *testing.T, what, got, want string) {
	t.Helper()
	var a, b any
	if err := json.Unmarshal([]byte(got), &a); err != nil {
		t.Errorf("%s: %q is no JSON: %v", what, got, err)
		return
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

// What the hub is told (iot-hub.md 4.2, 5).
func TestANewDeviceCostsOneBulkCall(t *testing.T) {
	for _, c := range []struct {
		rule string
		id   provisioning.Identity
		want string
	}{
		{"with keys", provisioning.Identity{DeviceID: "dev-01", PrimaryKey: []byte("one"), SecondaryKey: []byte("two")},
			`[{"id":"dev-01","importMode":"create","status":"enabled","capabilities":{"iotEdge":false},
			   "authentication":{"type":"sas","symmetricKey":{"primaryKey":"b25l","secondaryKey":"dHdv"}}}]`},
		{"with thumbprints", provisioning.Identity{DeviceID: "dev-01", PrimaryThumbprint: "AA", SecondaryThumbprint: "BB", IoTEdge: true},
			`[{"id":"dev-01","importMode":"create","status":"enabled","capabilities":{"iotEdge":true},
			   "authentication":{"type":"selfSigned","x509Thumbprint":{"primaryThumbprint":"AA","secondaryThumbprint":"BB"}}}]`},
		{"with one thumbprint", provisioning.Identity{DeviceID: "dev-01", PrimaryThumbprint: "AA"},
			`[{"id":"dev-01","importMode":"create","status":"enabled","capabilities":{"iotEdge":false},
			   "authentication":{"type":"selfSigned","x509Thumbprint":{"primaryThumbprint":"AA"}}}]`},
		{"with an initial twin", provisioning.Identity{DeviceID: "dev-01", PrimaryKey: []byte("one"), SecondaryKey: []byte("two"),
			Twin: provisioning.Twin{Tags: []byte(`{"site":"north"}`), Desired: []byte(`{"rate":5}`)}},
			`[{"id":"dev-01","importMode":"create","status":"enabled","capabilities":{"iotEdge":false},
			   "authentication":{"type":"sas","symmetricKey":{"primaryKey":"b25l","secondaryKey":"dHdv"}},
			   "tags":{"site":"north"},"properties":{"desired":{"rate":5}}}]`},
	} {
		t.Run(c.rule, func(t *testing.T) {
			h := open(t, always(200, `{"isSuccessful":true,"errors":[],"warnings":[]}`))
			if err := h.Assign(t.Context(), c.id); err != nil {
				t.Fatal(err)
			}
			requests := h.requests()
			if len(requests) != 1 {
				t.Fatalf("%d requests", len(requests))
			}
			r := requests[0]
			if r.Method != http.MethodPost || r.Path != "/devices" || r.Query != "api-version=2021-04-12" || r.Host != host {
				t.Errorf("%s %s?%s at %s", r.Method, r.Path, r.Query, r.Host)
			}
			if got := r.Header.Get("Content-Type"); got != "application/json; charset=utf-8" {
				t.Errorf("Content-Type %q", got)
			}
			sameJSON(t, "body", r.Body, c.want)
		})
	}
}

const exists = `{"isSuccessful":false,"errors":[{"deviceId":"dev 01","errorCode":409001,"errorStatus":"DeviceAlreadyExists"}],"warnings":[]}`

func TestADeviceThatIsThereGetsNewCredentialsAndKeepsItsTwin(t *testing.T) {
	h := open(t, func(a asked) (int, string) {
		if a.Method == http.MethodPost {
			return 400, exists
		}
		return 200, `{}`
	})
	err := h.Assign(t.Context(), provisioning.Identity{
		DeviceID: "dev:01/x", PrimaryKey: []byte("one"), SecondaryKey: []byte("two"), IoTEdge: true,
		Twin: provisioning.Twin{Tags: []byte(`{"site":"north"}`), Desired: []byte(`{}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	requests := h.requests()
	if len(requests) != 2 {
		t.Fatalf("%d requests", len(requests))
	}
	r := requests[1]
	if r.Method != http.MethodPut || r.Path != "/devices/dev:01%2Fx" || r.Header.Get("If-Match") != `"*"` {
		t.Errorf("%s %s, If-Match %s", r.Method, r.Path, r.Header.Get("If-Match"))
	}
	sameJSON(t, "body", r.Body, `{"deviceId":"dev:01/x","status":"enabled","capabilities":{"iotEdge":true},
		"authentication":{"type":"sas","symmetricKey":{"primaryKey":"b25l","secondaryKey":"dHdv"}}}`)
}

func TestRelease(t *testing.T) {
	for status, ok := range map[int]bool{204: true, 404: true, 200: false, 412: false} {
		h := open(t, always(status, ""))
		if err := h.Release(t.Context(), "dev-01"); (err == nil) != ok {
			t.Errorf("status %d: %v", status, err)
		}
		r := h.requests()[0]
		if r.Method != http.MethodDelete || r.Path != "/devices/dev-01" || r.Header.Get("If-Match") != `"*"` || r.Body != "" {
			t.Errorf("%s %s, If-Match %s, body %q", r.Method, r.Path, r.Header.Get("If-Match"), r.Body)
		}
	}
}
