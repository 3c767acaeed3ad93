package method_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/dpslab/dpslab/fakehub/huberror"
	"github.com/dpslab/dpslab/fakehub/method"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/point"
)

var noon = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

type rig struct {
	*method.Exchange
	clock    *clock.Movable
	requests chan method.Request
}

func newRig(points *point.Set) rig {
	c := clock.NewMovable(clock.Frozen(noon))
	return rig{method.New(c, points), c, make(chan method.Request, 10)}
}

func (r rig) join(deviceID string) (leave func()) {
	return r.Join(deviceID, func(q method.Request) error { r.requests <- q; return nil })
}

type result struct {
	answer method.Answer
	err    error
}

func (r rig) invoke(connect time.Duration) <-chan result {
	done := make(chan result, 1)
	go func() {
		a, err := r.Invoke(context.Background(), method.Call{
			DeviceID: "d1", Name: "reboot", Payload: json.RawMessage(`{"in":5}`),
			ResponseTimeout: 30 * time.Second, ConnectTimeout: connect,
		})
		done <- result{a, err}
	}()
	return done
}

func (r rig) answer(deviceID, id string, status int) bool {
	return r.Answer(context.Background(), point.At{}, deviceID, id, method.Answer{Status: status})
}

func TestACallReachesTheDeviceAndItsAnswerTheCaller(t *testing.T) {
	r := newRig(nil)
	r.join("d2")
	defer r.join("d1")()
	done := r.invoke(0)
	q := <-r.requests
	if q.Name != "reboot" || string(q.Payload) != `{"in":5}` {
		t.Fatalf("delivered %+v", q)
	}
	if r.answer("d2", q.ID, 500) {
		t.Error("another device answered it")
	}
	if !r.answer("d1", q.ID, -7) {
		t.Error("the answer was not taken")
	}
	if got := <-done; got.err != nil || got.answer.Status != -7 {
		t.Errorf("got %+v", got)
	}
	if r.answer("d1", q.ID, 200) {
		t.Error("a second answer was taken")
	}
}

func TestNoAnswerInTimeIsAGatewayTimeout(t *testing.T) {
	r := newRig(nil)
	defer r.join("d1")()
	done := r.invoke(0)
	q := <-r.requests
	r.clock.Advance(30 * time.Second)
	if got := <-done; !huberror.Is(got.err, huberror.GatewayTimeout) {
		t.Fatalf("got %+v", got)
	}
	if r.answer("d1", q.ID, 200) {
		t.Error("a late answer was taken")
	}
}

func TestADeviceThatIsNotThere(t *testing.T) {
	r := newRig(nil)
	if got := <-r.invoke(0); !huberror.Is(got.err, huberror.DeviceNotOnline) {
		t.Fatalf("without a connect time-out: %+v", got)
	}
	r.join("d1")()
	done := r.invoke(10 * time.Second)
	if err := r.clock.BlockUntil(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	r.clock.Advance(10 * time.Second)
	if got := <-done; !huberror.Is(got.err, huberror.DeviceNotOnline) {
		t.Fatalf("after the connect time-out: %+v", got)
	}
	done = r.invoke(10 * time.Second)
	if err := r.clock.BlockUntil(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	defer r.join("d1")()
	q := <-r.requests
	r.answer("d1", q.ID, 200)
	if got := <-done; got.err != nil {
		t.Fatalf("the device came in time: %+v", got)
	}
}

func TestTheEndOfTheConnectionFailsWhatItWasGiven(t *testing.T) {
	r := newRig(nil)
	leave := r.join("d1")
	done := r.invoke(0)
	<-r.requests
	newer := make(chan method.Request, 1)
	defer r.Join("d1", func(q method.Request) error { newer <- q; return nil })()
	again := r.invoke(0)
	q := <-newer
	leave()
	if got := <-done; !huberror.Is(got.err, huberror.DeviceNotOnline) {
		t.Errorf("got %+v", got)
	}
	r.answer("d1", q.ID, 201)
	if got := <-again; got.err != nil || got.answer.Status != 201 {
		t.Errorf("the newer connection's call: %+v", got)
	}
}

func TestARequestThatCannotBeSent(t *testing.T) {
	r := newRig(nil)
	defer r.Join("d1", func(method.Request) error { return errors.New("broken pipe") })()
	if got := <-r.invoke(0); !huberror.Is(got.err, huberror.DeviceNotOnline) {
		t.Fatalf("got %+v", got)
	}
}

func TestTheCallersContextEndsTheWait(t *testing.T) {
	r := newRig(nil)
	defer r.join("d1")()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		_, err := r.Invoke(ctx, method.Call{DeviceID: "d1", ResponseTimeout: time.Hour})
		done <- err
	}()
	<-r.requests
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestADroppedAnswerLeavesTheCallerWaiting(t *testing.T) {
	points := point.NewSet(clock.Frozen(noon))
	drop := point.Entry{ID: "drop", Build: point.Always(method.Answered.Plan(func(_ point.Call, r *method.Reply) { r.Drop = true }))}
	if _, err := points.Arm(drop, point.Address{}, nil); err != nil {
		t.Fatal(err)
	}
	r := newRig(points)
	defer r.join("d1")()
	done := r.invoke(0)
	q := <-r.requests
	r.answer("d1", q.ID, 200)
	select {
	case got := <-done:
		t.Fatalf("got %+v", got)
	default:
	}
	r.clock.Advance(time.Minute)
	if got := <-done; !huberror.Is(got.err, huberror.GatewayTimeout) {
		t.Fatalf("got %+v", got)
	}
}
