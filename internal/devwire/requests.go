package devwire

import (
	"context"
	"fmt"
	"strconv"
	"sync"
)

// requests are what a client has asked over MQTT and not yet heard about, by $rid.
type requests[T any] struct {
	mu      sync.Mutex
	last    int
	waiting map[string]chan result[T]
	given   map[string]bool // no longer waited for: a late answer to these is no surprise
}

// result is an answer, or why it cannot be told apart.
type result[T any] struct {
	answer T
	err    error
}

// ask publishes at QoS 1 to the topic for a new $rid and waits for the answer. That
// counts even when no PUBACK came before it: the order of those two is for a check with
// Packets.
func (r *requests[T]) ask(ctx context.Context, c *mqttClient, topic func(rid string) string, body []byte) (answer T, err error) {
	ctx, cancel := within(ctx, c.wire.timeouts().Answer)
	defer cancel()
	rid, answered := r.add()
	defer r.giveUp(rid)
	sent := c.paho.Publish(topic(rid), 1, false, body)
	acknowledged := sent.Done()
	for {
		select {
		case h := <-answered:
			return h.answer, h.err
		case <-acknowledged:
			acknowledged = nil
			if err := sent.Error(); err != nil {
				return answer, fmt.Errorf("publish with $rid=%s: %w", rid, c.reason(err))
			}
		case <-c.lost:
			return answer, fmt.Errorf("no answer with $rid=%s: %w", rid, c.why)
		case <-ctx.Done():
			return answer, fmt.Errorf("no answer with $rid=%s: %w", rid, ctx.Err())
		}
	}
}

func (r *requests[T]) add() (rid string, answered <-chan result[T]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting == nil {
		r.waiting, r.given = map[string]chan result[T]{}, map[string]bool{}
	}
	r.last++
	rid = strconv.Itoa(r.last)
	c := make(chan result[T], 1)
	r.waiting[rid] = c
	return rid, c
}

func (r *requests[T]) giveUp(rid string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, unanswered := r.waiting[rid]; unanswered {
		delete(r.waiting, rid)
		r.given[rid] = true
	}
}

// deliver hands an answer to the request with that $rid. An answer to no request ends all
// that wait: each of them would wait in vain, and its error tells what came instead.
func (r *requests[T]) deliver(rid string, answer T, err error, topic string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c, ok := r.waiting[rid]; ok && rid != "" {
		delete(r.waiting, rid)
		c <- result[T]{answer, err}
		return
	}
	if r.given[rid] {
		delete(r.given, rid)
		return
	}
	if err == nil {
		err = &Malformed{What: fmt.Sprintf("the answer on %q is to no request", topic)}
	}
	for rid, c := range r.waiting {
		delete(r.waiting, rid)
		c <- result[T]{answer, err}
	}
}
