package quota

// Devices is how many devices' polls are remembered.
func (q *Quota) Devices() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.polls)
}
