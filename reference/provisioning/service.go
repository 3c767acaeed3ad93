package provisioning

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/allocation"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/quota"
	"github.com/dpslab/dpslab/reference/registration"
)

// Options make a Service. All fields without a stated default are needed.
type Options struct {
	Name          string // in points and logs
	Scope         string // id scope
	Enrollments   enrollment.Store
	Registrations registration.Store
	Policy        dps.Policy    // default: hashed
	Secret        []byte        // what the keys of challenges follow from; replicas of a service share it
	Quota         *quota.Quota  // default: none
	Issuer        Issuer        // signs certificates for devices that ask; nil: nobody does
	Webhooks      Webhooks      // asks where devices of the policy custom go; nil: they go nowhere
	RetryAfter    time.Duration // what an assigning answer asks for, whole seconds
	PollHold      time.Duration // how long an early poll waits for the operation to settle; 0: not at all
	Clock         clock.Clock
	Points        *point.Set
	Logger        *slog.Logger
}

// operationLifetime is how long an operation can be polled; then it is forgotten.
const operationLifetime = time.Hour // [DPS-ERR-010]

// Service is one isolated provisioning service behind its fronts.
type Service struct {
	o         Options
	links     atomic.Pointer[links]
	latencies atomic.Pointer[allocation.Latencies]

	ctx    context.Context // ends when Close gives up waiting
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	underway map[string]*assignment // by folded registration id
	running  map[string]*assignment // by operation id
}

// New returns a service without linked hubs.
func New(o Options) *Service {
	if o.Policy == dps.PolicyUnset {
		o.Policy = dps.PolicyHashed
	}
	if o.Quota == nil {
		o.Quota = quota.New(quota.Limits{}, o.Clock, o.Points)
	}
	s := &Service{o: o, underway: map[string]*assignment{}, running: map[string]*assignment{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.Link(nil)
	return s
}

// Name is the service's name.
func (s *Service) Name() string { return s.o.Name }

// Scope is the service's id scope.
func (s *Service) Scope() string { return s.o.Scope }

// Now is the service's time.
func (s *Service) Now() time.Time { return s.o.Clock.Now() }

// Points are where the service's behaviour can be bent.
func (s *Service) Points() *point.Set { return s.o.Points }

// RetryAfter is what an assigning answer asks the device to wait.
func (s *Service) RetryAfter() time.Duration { return s.o.RetryAfter }

// Link replaces the linked hubs. Registrations under way keep the ones they began with.
func (s *Service) Link(list []Link) {
	l := links(list)
	s.links.Store(&l) // [DPS-ALLOC-052]
}

// SetLatencies replaces what is known of the latencies between networks and hubs.
func (s *Service) SetLatencies(l *allocation.Latencies) { s.latencies.Store(l) }

// Latencies are what is known of them; nil is nothing.
func (s *Service) Latencies() *allocation.Latencies { return s.latencies.Load() }

// Linked reports whether a hub of that host name is linked.
func (s *Service) Linked(host string) bool {
	_, ok := s.links.Load().find(host)
	return ok
}

// Close refuses new registrations and waits for those under way, until ctx ends; then it
// cancels them.
func (s *Service) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	done := make(chan struct{})
	go func() { s.work.Wait(); close(done) }()
	defer s.cancel()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		s.cancel()
		<-done
		return ctx.Err()
	}
}
