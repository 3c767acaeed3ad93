package run

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/scenarios/load"
)

// Operations is a load on the service API, in place of a fleet: one request is one flow.
type Operations struct {
	Prefix  string // begins the registration ids of the enrollments that it makes
	Records int    // enrollments that there are before it begins; what is read is among them
	// How many of each kind are done in a row, again and again. A delete takes the oldest
	// enrollment that a create made; where there is none it creates one.
	Create, Get, Query, Delete int
}

func (o Operations) validate() error {
	switch {
	case min(o.Create, o.Get, o.Query, o.Delete) < 0 || o.Create+o.Get+o.Query+o.Delete == 0:
		return errors.New("a load on the service API that does nothing")
	case o.Get > 0 && o.Records < 1:
		return errors.New("a load that reads enrollments, and none there to read")
	}
	return nil
}

// operator does a load on the service API.
type operator struct {
	Operations
	wire     *devwire.Wire
	target   Target
	clock    clock.Clock
	recorder *load.Recorder
	mu       sync.Mutex
	free     []*devwire.ServiceClient // a connection each, idle
	created  []string
}

// pageSize is what a query asks for.
const pageSize = 10

// operate does the operation whose turn it is.
func (o *operator) operate(ctx context.Context, s load.Start) {
	client, err := o.take()
	sample := load.Sample{Flow: s.N, Intended: s.Intended, Actual: s.Actual}
	var request devwire.ServiceRequest
	var done func()
	sample.Kind, request, done = o.request(s.N)
	if err == nil {
		var answer devwire.HTTPResponse
		answer, err = client.Do(ctx, request)
		sample.Code, sample.In = answer.Status, len(answer.Body)
		if e := answer.Error(); e != nil {
			sample.ErrorCode, err = e.ErrorCode, errors.New(e.Message)
		}
		o.give(client)
	}
	sample.Err, sample.End, sample.Unfinished = err, o.clock.Now(), sample.Code == 0 && ctx.Err() != nil
	if sample.Code/100 == 2 && done != nil {
		done()
	}
	o.recorder.Request(sample)
	o.recorder.Flow(sample)
}

// request is the nth operation, and what follows when it has been done.
func (o *operator) request(n int) (kind string, r devwire.ServiceRequest, done func()) {
	turn := n % (o.Create + o.Get + o.Query + o.Delete)
	switch {
	case turn < o.Get:
		return "get", devwire.ServiceRequest{Method: http.MethodGet, Path: devwire.EnrollmentPath(o.record(n % o.Records))}, nil
	case turn < o.Get+o.Query:
		return "query", devwire.ServiceRequest{
			Method: http.MethodPost, Path: "/enrollments/query", Header: http.Header{"X-Ms-Max-Item-Count": {fmt.Sprint(pageSize)}},
			Body: map[string]any{"query": "SELECT * FROM enrollments"},
		}, nil
	case turn >= o.Get+o.Query+o.Create:
		if id := o.oldest(); id != "" {
			return "delete", devwire.ServiceRequest{Method: http.MethodDelete, Path: devwire.EnrollmentPath(id)}, nil
		}
	}
	id := fmt.Sprintf("%s-new-%d", o.Prefix, n)
	return "create", devwire.ServiceRequest{Method: http.MethodPut, Path: devwire.EnrollmentPath(id), Body: enrollment(id)}, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.created = append(o.created, id)
	}
}

func (o *operator) oldest() (id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.created) > 0 {
		id, o.created = o.created[0], o.created[1:]
	}
	return id
}

func (o Operations) record(n int) string { return fmt.Sprintf("%s-%06d", o.Prefix, n) }

// enrollment is a record whose keys the service makes.
func enrollment(id string) map[string]any {
	return map[string]any{"registrationId": id, "attestation": map[string]any{"type": "symmetricKey"}}
}

// prepare makes the enrollments that there are to be before the load begins.
func (o *operator) prepare(ctx context.Context) error {
	client, err := o.take()
	if err != nil {
		return err
	}
	defer o.give(client)
	for first := 0; first < o.Records; first += bulkItems {
		var records []map[string]any
		for n := first; n < min(first+bulkItems, o.Records); n++ {
			records = append(records, enrollment(o.record(n)))
		}
		if err := create(ctx, client, records); err != nil {
			return err
		}
	}
	return nil
}

// take is a client that nobody uses.
func (o *operator) take() (*devwire.ServiceClient, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if n := len(o.free); n > 0 {
		client := o.free[n-1]
		o.free = o.free[:n-1]
		return client, nil
	}
	return o.wire.Service(o.target.Service(), o.target.DPS.ServiceConnectionString.Reveal())
}

func (o *operator) give(c *devwire.ServiceClient) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.free = append(o.free, c)
}

func (o *operator) close() {
	for _, c := range o.free {
		c.Close()
	}
}
