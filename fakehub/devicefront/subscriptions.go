package devicefront

import (
	"maps"
	"slices"
	"sync"
)

// kind is what a subscription lets through to the device.
type kind uint8

const (
	cloudToDevice kind = iota
	twinAnswers
	desiredChanges
	methodCalls
)

// kindOf returns what a filter is for. There are no others (iot-hub.md 1.7): the five
// topics that a device may subscribe to are these five spellings.
func kindOf(filter, deviceID string) (k kind, known bool) {
	switch filter {
	case "devices/" + deviceID + "/messages/devicebound/#", "devices/+/messages/devicebound/#":
		return cloudToDevice, true
	case "$iothub/twin/res/#":
		return twinAnswers, true
	case "$iothub/twin/PATCH/properties/desired/#":
		return desiredChanges, true
	case "$iothub/methods/POST/#":
		return methodCalls, true
	}
	return 0, false
}

// subscriptions are the filters of one client. They outlive a connection when the client
// connects without clean session.
type subscriptions struct {
	mu      sync.Mutex
	filters map[string]kind
}

func (s *subscriptions) add(filter string, k kind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.filters[filter] = k
}

func (s *subscriptions) remove(filter string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.filters, filter)
}

func (s *subscriptions) has(k kind) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.filters {
		if one == k {
			return true
		}
	}
	return false
}

// list returns the filters in order.
func (s *subscriptions) list() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.filters))
}

// keepOnly drops every filter that is not in kept.
func (s *subscriptions) keepOnly(kept []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.filters, func(filter string, _ kind) bool { return !slices.Contains(kept, filter) })
}

// storedSessions are the sessions of clients without clean session, by client id, for the
// life of the process.
type storedSessions struct {
	mu       sync.Mutex
	byClient map[string]*storedSession
}

type storedSession struct {
	generation string // of the identity: one that is made anew inherits nothing
	*subscriptions
}

// open returns the subscriptions of a client that connects, and whether a session of its
// was stored. A clean session wipes what was.
func (s *storedSessions) open(clientID, generation string, clean bool) (subs *subscriptions, present bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.byClient[clientID]; old != nil && old.generation == generation && !clean {
		return old.subscriptions, true
	}
	subs = &subscriptions{filters: map[string]kind{}}
	delete(s.byClient, clientID) // [DPS-HUB-022]
	if !clean {
		s.byClient[clientID] = &storedSession{generation, subs}
	}
	return subs, false
}
