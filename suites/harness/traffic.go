package harness

import (
	"context"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/sut"
	"golang.org/x/time/rate"
)

// Traffic paces and counts what a run asks of its target. All checks of a run share one, so
// that together they stay under the target's quotas.
type Traffic struct {
	clock  clock.Clock
	quotas sut.Quotas

	mu     sync.Mutex
	limits map[string]*rate.Limiter
	counts Counts
}

// Counts are what a run has asked of its target, and what that made.
type Counts struct {
	Registrations    int            // register requests; billable
	Polls            int            // of devices after their operations
	ServiceRequests  int            // to the service API; billable
	HubRequests      int            // to the hubs' service APIs
	RegistryRequests map[string]int // of those, to the device registry, by hub
	HubQueries       map[string]int // of those, queries, by hub
	HubMessages      int            // of devices at their hubs; billable at the hub

	Devices       map[string]bool // registration ids that asked to be registered
	Enrollments   map[string]bool // paths that an individual enrollment was put to with success
	Groups        map[string]bool // the same of enrollment groups
	HubIdentities map[string]bool // hub and path, the same of identities
}

// NewTraffic paces by c under quotas.
func NewTraffic(c clock.Clock, quotas sut.Quotas) *Traffic {
	return &Traffic{clock: c, quotas: quotas, limits: map[string]*rate.Limiter{}, counts: Counts{
		RegistryRequests: map[string]int{}, HubQueries: map[string]int{},
		Devices: map[string]bool{}, Enrollments: map[string]bool{}, Groups: map[string]bool{}, HubIdentities: map[string]bool{},
	}}
}

// Paced reports whether the target has quotas.
func (f *Traffic) Paced() bool { return f.quotas != sut.Quotas{} }

// Counts returns a copy.
func (f *Traffic) Counts() Counts {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.counts
	for _, m := range []*map[string]bool{&c.Devices, &c.Enrollments, &c.Groups, &c.HubIdentities} {
		*m = maps.Clone(*m)
	}
	c.RegistryRequests, c.HubQueries = maps.Clone(c.RegistryRequests), maps.Clone(c.HubQueries)
	return c
}

// Before waits until the quotas have room for an operation.
func (f *Traffic) Before(ctx context.Context, o devwire.Operation) error {
	f.mu.Lock()
	f.asked(o)
	limit := f.limit(o)
	f.mu.Unlock()
	if limit == nil {
		return nil
	}
	now := f.clock.Now()
	place := limit.ReserveN(now, 1)
	delay := place.DelayFrom(now)
	if delay == 0 {
		return nil
	}
	if err := clock.Wait(ctx, f.clock, delay); err != nil {
		place.CancelAt(f.clock.Now())
		return err
	}
	return nil
}

// After counts what an operation made.
func (f *Traffic) After(o devwire.Operation, code int) {
	if code < 200 || code > 299 || o.Method != "PUT" {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	collection, id, _ := strings.Cut(strings.Trim(o.Path, "/"), "/")
	switch {
	case id == "" || strings.Contains(id, "/"):
	case o.Kind == devwire.ToService && strings.EqualFold(collection, "enrollments"):
		f.counts.Enrollments[id] = true
	case o.Kind == devwire.ToService && strings.EqualFold(collection, "enrollmentGroups"):
		f.counts.Groups[id] = true
	case o.Kind == devwire.ToHub && strings.EqualFold(collection, "devices"):
		f.counts.HubIdentities[o.Host+"/"+id] = true
	}
}

func (f *Traffic) asked(o devwire.Operation) {
	c := &f.counts
	switch o.Kind {
	case devwire.ToRegister:
		c.Registrations++
		c.Devices[o.Device] = true
	case devwire.ToPoll:
		c.Polls++
	case devwire.ToService:
		c.ServiceRequests++
	case devwire.ToHub:
		c.HubRequests++
		switch {
		case hubQuery(o):
			c.HubQueries[o.Host]++
		case hubRegistry(o):
			c.RegistryRequests[o.Host]++
		}
	case devwire.ToHubAsDevice:
		c.HubMessages++
	}
}

func hubQuery(o devwire.Operation) bool    { return strings.EqualFold(o.Path, "/devices/query") }
func hubRegistry(o devwire.Operation) bool { return strings.HasPrefix(o.Path, "/devices") }

// limit is the limiter of an operation's kind, nil where there is no quota.
func (f *Traffic) limit(o devwire.Operation) *rate.Limiter {
	switch q := f.quotas; {
	case o.Kind == devwire.ToService:
		return f.limiter("service", q.ServiceRequestsPerMinute, 10, time.Minute)
	case o.Kind == devwire.ToRegister:
		return f.limiter("register", q.RegistrationsPerMinute, 10, time.Minute)
	case o.Kind == devwire.ToPoll:
		return f.limiter("poll "+o.Device, q.DevicePollsPer10Seconds, 2, 10*time.Second)
	case o.Kind == devwire.ToHub && hubQuery(o):
		return f.limiter("query "+o.Host, q.HubQueriesPerMinute, 10, time.Minute)
	case o.Kind == devwire.ToHub && hubRegistry(o):
		return f.limiter("registry "+o.Host, q.HubRegistryRequestsPerMinute, 10, time.Minute)
	}
	return nil
}

// limiter allows a part of the quota at once and refills with the rest, so that no window
// of that length holds more than the quota.
func (f *Traffic) limiter(key string, quota, part int, window time.Duration) *rate.Limiter {
	if quota == 0 {
		return nil
	}
	limit := f.limits[key]
	if limit == nil {
		burst := max(1, quota/part)
		refill := max(float64(quota-burst), float64(quota)/2) / window.Seconds()
		limit = rate.NewLimiter(rate.Limit(refill), burst)
		f.limits[key] = limit
	}
	return limit
}
