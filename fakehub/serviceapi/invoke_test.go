package serviceapi_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/fakehub/method"
	"github.com/dpslab/dpslab/internal/point"
)

func TestAMethodCallReturnsWhatTheDeviceAnswers(t *testing.T) {
	r := newRig(t)
	r.do("PUT", "/devices/d1", `{}`).want(200)
	requests := make(chan method.Request, 1)
	defer r.methods.Join("d1", func(q method.Request) error {
		requests <- q
		go r.methods.Answer(context.Background(), point.At{}, "d1", q.ID, method.Answer{Status: 418, Payload: json.RawMessage(`{"tea":true}`)})
		return nil
	})()
	r.do("POST", "/twins/d1/methods", `{"methodName":"brew","payload":{"cups":2},"responseTimeoutInSeconds":10}`).want(200).
		holds(map[string]string{"status": "418", "payload": `{"tea":true}`})
	if q := <-requests; q.Name != "brew" || string(q.Payload) != `{"cups":2}` {
		t.Errorf("the device got %+v", q)
	}
	r.do("POST", "/twins/d1/methods", `{"methodName":"brew"}`).want(200)
	if q := <-requests; len(q.Payload) != 0 {
		t.Errorf("a call without payload carries %s", q.Payload)
	}
}

func TestMethodCallsThatFail(t *testing.T) {
	r := newRig(t)
	r.do("POST", "/twins/d1/methods", `{"methodName":"brew"}`).refused(404, "DeviceNotFound")
	r.do("PUT", "/devices/d1", `{}`).want(200)
	r.do("POST", "/twins/d1/methods", `{"methodName":"brew"}`).refused(404, "DeviceNotOnline")
	for _, body := range []string{
		`{}`, `{"methodName":"a/b"}`, `{"methodName":"a b"}`, `{"methodName":"é"}`, `{"methodName":"` + strings.Repeat("x", 101) + `"}`,
		`{"methodName":"x","responseTimeoutInSeconds":0}`, `{"methodName":"x","responseTimeoutInSeconds":3601}`, `{"methodName":"x","connectTimeoutInSeconds":-1}`,
	} {
		r.do("POST", "/twins/d1/methods", body).refused(400, "ArgumentInvalid")
	}
	r.do("POST", "/twins/d1/methods", `{"methodName":"x","payload":"`+strings.Repeat("x", 128<<10)+`"}`).refused(413, "MessageTooLarge")

	delivered := make(chan struct{})
	defer r.methods.Join("d1", func(method.Request) error { close(delivered); return nil })()
	done := make(chan answer)
	go func() {
		done <- r.do("POST", "/twins/d1/methods", `{"methodName":"brew","responseTimeoutInSeconds":10}`)
	}()
	<-delivered
	r.clock.Advance(10 * time.Second)
	(<-done).refused(504, "GatewayTimeout")
}
