// Package method carries direct methods from service clients to devices, whatever the
// transport of either (iot-hub.md 1.9 and 4.4).
//
// A front joins for each connection that takes methods. Invoke hands a request to the
// device's newest one and waits: for the answer that the front passes on, for the end of
// the connection, or for the time-out by the hub's clock.
package method

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/dpslab/dpslab/fakehub/huberror"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/point"
)

// Call is a method call as a service client makes it.
type Call struct {
	DeviceID        string
	Name            string
	Payload         json.RawMessage // nil: the call has none
	ResponseTimeout time.Duration   // how long the device may take to answer
	ConnectTimeout  time.Duration   // how long to wait for a device that is not there
}

// Request is a call on its way to a device. ID is lower-case hexadecimal, which every
// SDK's parser takes.
type Request struct {
	ID      string
	Name    string
	Payload json.RawMessage
}

// Answer is what the device said.
type Answer struct {
	Status  int             // any integer of the device's choice
	Payload json.RawMessage // nil: none
}

// Answered is passed when a device's answer is about to reach its caller.
var Answered = point.Define[Reply]("hub.method-answered")

// StepMethod is the step of Answered.
const StepMethod = "method"

// Reply is an answer at Answered.
type Reply struct {
	Answer
	Drop bool // the caller waits on
}

// Exchange connects the callers with the devices of one hub.
type Exchange struct {
	clock  clock.Clock
	points *point.Set

	mu      sync.Mutex
	nextID  uint64
	joined  map[string][]*receiver // by device, oldest first
	waiting map[string]*pending    // by request id
	changed chan struct{}          // closed and replaced when a device joins
}

type receiver struct{ deliver func(Request) error }

type pending struct {
	deviceID string
	receiver *receiver
	outcome  chan outcome // holds one
}

type outcome struct {
	answer Answer
	err    error
}

// New returns an exchange without devices.
func New(c clock.Clock, points *point.Set) *Exchange {
	return &Exchange{
		clock: c, points: points,
		joined: map[string][]*receiver{}, waiting: map[string]*pending{}, changed: make(chan struct{}),
	}
}

// Join makes a connection take the device's methods until leave. deliver sends a request
// to the device; when a connection leaves, what was delivered to it fails.
func (x *Exchange) Join(deviceID string, deliver func(Request) error) (leave func()) {
	r := &receiver{deliver}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.joined[deviceID] = append(x.joined[deviceID], r)
	close(x.changed)
	x.changed = make(chan struct{})
	return func() { x.leave(deviceID, r) }
}

func (x *Exchange) leave(deviceID string, r *receiver) {
	x.mu.Lock()
	defer x.mu.Unlock()
	left := slices.DeleteFunc(x.joined[deviceID], func(one *receiver) bool { return one == r })
	if len(left) > 0 {
		x.joined[deviceID] = left
	} else {
		delete(x.joined, deviceID)
	}
	for id, p := range x.waiting {
		if p.receiver == r {
			x.settle(id, outcome{err: notOnline(deviceID)})
		}
	}
}

// Answer passes on what a device answered to a request. It reports false, and nothing
// happens, for a request that this device has none of, or no longer.
func (x *Exchange) Answer(ctx context.Context, at point.At, deviceID, requestID string, a Answer) bool {
	reply := Reply{Answer: a}
	Answered.Hit(ctx, x.points, at, &reply)
	x.mu.Lock()
	defer x.mu.Unlock()
	p := x.waiting[requestID]
	if p == nil || p.deviceID != deviceID {
		return false
	}
	if !reply.Drop {
		x.settle(requestID, outcome{answer: reply.Answer})
	}
	return true
}

// settle ends a pending call. x.mu is held.
func (x *Exchange) settle(requestID string, o outcome) {
	x.waiting[requestID].outcome <- o
	delete(x.waiting, requestID)
}

// Invoke calls a method and waits. A device without a connection that takes methods is
// DeviceNotOnline, one that does not answer in time GatewayTimeout.
func (x *Exchange) Invoke(ctx context.Context, c Call) (Answer, error) {
	r, err := x.receiver(ctx, c.DeviceID, c.ConnectTimeout)
	if err != nil {
		return Answer{}, err
	}
	p := &pending{deviceID: c.DeviceID, receiver: r, outcome: make(chan outcome, 1)}
	id, ok := x.expect(p)
	if !ok {
		return Answer{}, notOnline(c.DeviceID)
	}
	defer x.forget(id)
	timer := x.clock.NewTimer(c.ResponseTimeout)
	defer timer.Stop()
	if err := r.deliver(Request{ID: id, Name: c.Name, Payload: c.Payload}); err != nil {
		return Answer{}, notOnline(c.DeviceID)
	}
	select {
	case o := <-p.outcome:
		return o.answer, o.err
	case <-timer.C():
		// [DPS-HUB-039]
		err = huberror.New(huberror.GatewayTimeout, "Timed out waiting for the response from device.")
	case <-ctx.Done():
		err = ctx.Err()
	}
	select {
	case o := <-p.outcome: // it came in time, and this goroutine late
		return o.answer, o.err
	default:
		return Answer{}, err
	}
}

// receiver returns the device's newest connection, waiting for one if it may.
func (x *Exchange) receiver(ctx context.Context, deviceID string, wait time.Duration) (*receiver, error) {
	timer := x.clock.NewTimer(wait)
	defer timer.Stop()
	for {
		x.mu.Lock()
		var newest *receiver
		if all := x.joined[deviceID]; len(all) > 0 {
			newest = all[len(all)-1]
		}
		changed := x.changed
		x.mu.Unlock()
		switch {
		case newest != nil:
			return newest, nil
		case wait <= 0:
			return nil, notOnline(deviceID)
		}
		select {
		case <-changed:
		case <-timer.C():
			return nil, notOnline(deviceID)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// expect registers a pending call under a new id, unless its connection has left.
func (x *Exchange) expect(p *pending) (id string, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !slices.Contains(x.joined[p.deviceID], p.receiver) {
		return "", false
	}
	x.nextID++
	id = strconv.FormatUint(x.nextID, 16)
	x.waiting[id] = p
	return id, true
}

func (x *Exchange) forget(id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.waiting, id)
}

// notOnline is the error of a device that nobody can call. [DPS-HUB-038]
func notOnline(deviceID string) error {
	return huberror.New(huberror.DeviceNotOnline, "Timed out waiting for device to connect: %q is not online or takes no methods.", deviceID)
}
