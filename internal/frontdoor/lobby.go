package frontdoor

import (
	"sync"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
)

// lobby holds the connections whose TLS handshake is not done. It has a bounded number of
// places. When all are taken, clients that have not sent their ClientHello get the patience
// that is left of one second, so that silence never costs a speaking client its place; and
// until a place is free, new connections wait in the kernel's queue.
type lobby struct {
	places  chan struct{}
	timeout time.Duration
	closing chan struct{}

	mu     sync.Mutex
	inside map[*arrival]patience
	closed bool
}

// patience says how an arrival's deadline stands.
type patience struct{ spoke, hurried bool }

// hurriedPatience is what a silent client gets when places run out.
const hurriedPatience = time.Second

func (l *lobby) init(places int, timeout time.Duration) {
	l.places = make(chan struct{}, places)
	l.timeout = timeout
	l.closing = make(chan struct{})
	l.inside = map[*arrival]patience{}
}

// enter waits for a place and reports whether there is one: not once the lobby is closed.
func (l *lobby) enter(a *arrival) bool {
	select {
	case l.places <- struct{}{}:
	default:
		l.hurry()
		select {
		case l.places <- struct{}{}:
		case <-l.closing:
			return false
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		<-l.places
		return false
	}
	l.inside[a] = patience{}
	a.raw.SetDeadline(clock.SocketDeadline(l.timeout))
	return true
}

// spoke notes that a's ClientHello is here, and gives it the time for the rest.
func (l *lobby) spoke(a *arrival) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, here := l.inside[a]; here {
		l.inside[a] = patience{spoke: true}
		a.raw.SetDeadline(clock.SocketDeadline(l.timeout))
	}
}

// waited gives a its time back after a plan that may have taken some of it.
func (l *lobby) waited(a *arrival) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p, here := l.inside[a]; here && !p.hurried {
		a.raw.SetDeadline(clock.SocketDeadline(l.timeout))
	}
}

// leave frees a's place. Its deadline is its own again.
func (l *lobby) leave(a *arrival) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, here := l.inside[a]; here {
		delete(l.inside, a)
		a.raw.SetDeadline(time.Time{})
		<-l.places
	}
}

func (l *lobby) hurry() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for a, p := range l.inside {
		if !p.spoke && !p.hurried {
			l.inside[a] = patience{hurried: true}
			a.raw.SetDeadline(clock.SocketDeadline(hurriedPatience))
		}
	}
}

// close ends every handshake and lets nobody in any more.
func (l *lobby) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		close(l.closing)
	}
	for a := range l.inside {
		a.cut()
	}
}
