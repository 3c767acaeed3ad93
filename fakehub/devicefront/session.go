package devicefront

import (
	"context"
	"errors"
	"fmt"

	"github.com/dpslab/dpslab/internal/mqttserver"
)

// errRefused ends a connection that a fault opened although it was refused.
var errRefused = errors.New("the device was refused")

// Subscribe grants the five filters of iot-hub.md 1.7, at most at QoS 1.
func (h handler) Subscribe(ctx context.Context, s *mqttserver.Session, filter string, qos byte) (byte, error) {
	d, ok := s.Value.(*device)
	if !ok {
		return 0, errRefused
	}
	k, known := kindOf(filter, d.id)
	if !known { // [DPS-HUB-019]
		return min(qos, 1), h.stray(ctx, s, mqttserver.StepSubscribe, filter)
	}
	d.add(filter, k)
	switch k {
	case desiredChanges:
		d.observe()
	case methodCalls:
		d.join()
	}
	return min(qos, 1), nil // [DPS-HUB-020]
}

// Unsubscribe forgets a filter.
func (h handler) Unsubscribe(_ context.Context, s *mqttserver.Session, filter string) {
	if d, ok := s.Value.(*device); ok {
		d.remove(filter)
		d.unsubscribed()
	}
}

// stray is the error for a filter or topic that the hub does not know, unless a plan
// tolerates it.
func (h handler) stray(ctx context.Context, s *mqttserver.Session, step, name string) error {
	u := Stray{Name: name}
	Unknown.Hit(ctx, h.Points, s.At(step), &u)
	if u.Tolerate {
		return nil
	}
	return fmt.Errorf("the hub has nothing at %.200q", name)
}

// Publish takes telemetry, twin requests and method answers.
func (h handler) Publish(ctx context.Context, s *mqttserver.Session, p mqttserver.Publish) (then func(), err error) {
	d, ok := s.Value.(*device)
	if !ok {
		return nil, errRefused
	}
	d.presence.Active()
	r := Receipt{Publish: &p}
	Received.Hit(ctx, h.Points, s.At(mqttserver.StepPublish), &r)
	if r.Err != nil {
		return nil, r.Err
	}
	if bag, ok := telemetryBag(p.Topic, d.id); ok {
		if len(p.Payload) > maxTelemetry { // [DPS-HUB-018]
			return nil, fmt.Errorf("telemetry of %d bytes; at most %d are allowed", len(p.Payload), maxTelemetry)
		}
		d.enqueue(ctx, bag, p, false) // [DPS-HUB-013]
		return nil, nil
	}
	if then := d.request(ctx, p); then != nil {
		return then, nil
	}
	return nil, h.stray(ctx, s, mqttserver.StepPublish, p.Topic) // [DPS-HUB-017]
}

// Closed ends the device's connection and publishes its will.
func (h handler) Closed(s *mqttserver.Session, will *mqttserver.Publish) {
	d, ok := s.Value.(*device)
	if !ok {
		return
	}
	if will != nil { // [DPS-HUB-024]
		bag, _ := telemetryBag(will.Topic, d.id)
		d.enqueue(context.Background(), bag, *will, true)
	}
	d.close()
}
