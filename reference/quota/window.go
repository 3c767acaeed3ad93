package quota

import "time"

// window remembers when the last things happened, as many as the limit allows: what is
// about to happen is within it when the oldest of them has left the stretch of time.
type window struct {
	times []time.Time // a ring, once it is as long as the limit's count
	next  int
}

// count takes one more, or returns how long until it would be within the limit.
func (w *window) count(limit Rate, now time.Time) time.Duration {
	if limit.Count == 0 {
		return 0
	}
	if len(w.times) < limit.Count {
		w.times = append(w.times, now)
		return 0
	}
	if wait := limit.Per - now.Sub(w.times[w.next]); wait > 0 {
		return wait
	}
	w.times[w.next] = now
	w.next = (w.next + 1) % limit.Count
	return 0
}

// last is when something was counted last.
func (w *window) last() time.Time {
	if w.next > 0 {
		return w.times[w.next-1]
	}
	return w.times[len(w.times)-1]
}
