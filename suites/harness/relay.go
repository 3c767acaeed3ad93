package harness

import (
	"context"
	"net"
	"strconv"
	"sync"
)

// relay stands between the service and a hub, where both are on loopback: the service is
// told that the hub is there.
type relay struct {
	to      string // the hub's address
	refuses bool   // while it disturbs; else it says nothing

	mu       sync.Mutex
	at       string // where it listens
	listener net.Listener
	silent   bool
	open     map[net.Conn]bool
	work     sync.WaitGroup
}

// byRelay disturbs a hub by what happens on the way to it.
func byRelay(name string, refuses bool) Disturbance {
	return Disturbance{Name: name, Needs: []Need{NeedLoopback}, hub: func(ctx context.Context, e *Env, t *T) *FragileHub {
		h := &FragileHub{Hub: e.Hub(ctx, t)}
		r := &relay{
			to: net.JoinHostPort(h.Endpoint.Address, strconv.Itoa(h.Endpoint.HTTPSPort)), refuses: refuses,
			at: "127.0.0.1:0", open: map[net.Conn]bool{},
		}
		t.Must(r.listen(), "listen in the hub's place")
		t.Cleanup(func(context.Context) { r.close() })
		h.disturbed, h.Inside = r, r.at
		return h
	}}
}

func (r *relay) disturb(context.Context, *FragileHub, *T) {
	if r.refuses {
		r.close()
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.silent = true
}

// restore does not revive what was silent: connections that broke stay broken.
func (r *relay) restore(_ context.Context, _ *FragileHub, t *T) {
	if r.refuses {
		t.Must(r.listen(), "listen in the hub's place again")
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.silent = false
}

func (r *relay) listen() error {
	l, err := net.Listen("tcp", r.at)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listener, r.at = l, l.Addr().String()
	r.work.Go(func() { r.accept(l) })
	return nil
}

// close ends everything and waits for it.
func (r *relay) close() {
	r.mu.Lock()
	if r.listener != nil {
		r.listener.Close()
	}
	r.listener = nil
	for c := range r.open {
		c.Close()
	}
	r.mu.Unlock()
	r.work.Wait()
}

func (r *relay) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		hub, err := net.Dial("tcp", r.to)
		if err != nil {
			c.Close()
			continue
		}
		r.mu.Lock()
		closed := r.listener != l
		if !closed {
			r.open[c], r.open[hub] = true, true
		}
		r.mu.Unlock()
		if closed {
			c.Close()
			hub.Close()
			return
		}
		var dead bool // one of the two directions was silenced: both stay so
		r.work.Go(func() { r.pass(c, hub, &dead) })
		r.work.Go(func() { r.pass(hub, c, &dead) })
	}
}

// pass carries bytes one way until either end closes. What it reads in a silence is lost.
func (r *relay) pass(to, from net.Conn, dead *bool) {
	defer func() {
		to.Close()
		from.Close()
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.open, from)
	}()
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		r.mu.Lock()
		*dead = *dead || r.silent
		lost := *dead
		r.mu.Unlock()
		if lost {
			continue
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}
