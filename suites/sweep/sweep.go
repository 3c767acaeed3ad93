// Package sweep removes what conformance runs left behind at a target: a run that was
// killed could not clean up. It finds things by the target's prefix, and by the journal
// that is kept of what hooks have made; whatever else is there it leaves alone.
package sweep

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
)

// Leftover is one thing that a run made.
type Leftover struct {
	Kind   string // registration, hub identity, enrollment, enrollment group
	ID     string
	At     string // host of the service or hub, or the hook that removes it
	remove func(ctx context.Context) error
}

func (l Leftover) String() string { return l.Kind + " " + l.ID + " at " + l.At }

// Remove removes it. That it is gone already is no error.
func (l Leftover) Remove(ctx context.Context) error {
	if err := l.remove(ctx); err != nil {
		return fmt.Errorf("remove the %s: %w", l, err)
	}
	return nil
}

// Sweep is what Find found.
type Sweep struct {
	Leftovers []Leftover
	Err       error // why the list may be short; nil when it is whole
	clients   []interface{ Close() }
}

// Close closes the connections by which Leftovers are removed.
func (s *Sweep) Close() {
	for _, c := range s.clients {
		c.Close()
	}
}

// Find lists what begins with the target's prefix, in the order in which it can be removed:
// registrations and identities before the enrollments that they came by. journal is the
// file that Journal keeps, "" for none.
func Find(ctx context.Context, env *harness.Env, journal string) *Sweep {
	s := &Sweep{}
	s.Err = s.find(ctx, env, journal)
	s.Leftovers = order(s.Leftovers)
	return s
}

func (s *Sweep) find(ctx context.Context, env *harness.Env, journal string) error {
	if env.Target.Prefix == "" {
		return errors.New("the target has no prefix by which to tell what a run made")
	}
	var problems []error
	if env.Target.DPS.ServiceConnectionString != "" {
		client, err := env.Wire.Service(env.Target.Service(), env.Target.DPS.ServiceConnectionString.Reveal())
		if err != nil {
			return err
		}
		s.clients = append(s.clients, client)
		found, err := atService(ctx, env, client)
		s.Leftovers, problems = append(s.Leftovers, found...), append(problems, err)
	}
	for _, h := range env.Target.Hubs {
		if h.ConnectionString == "" {
			continue
		}
		client, err := env.Wire.HubService(env.Target.Endpoint(h), h.ConnectionString.Reveal())
		if err != nil {
			return fmt.Errorf("hub %s: %w", h.Host, err)
		}
		s.clients = append(s.clients, client)
		ids, err := prefixed(ctx, env, client.Do, "/devices", "SELECT * FROM devices", "deviceId")
		for _, id := range ids {
			s.Leftovers = append(s.Leftovers, Leftover{"hub identity", id, h.Host, func(ctx context.Context) error {
				return gone(ctx, env, client.Do, harness.IdentityPath(id))
			}})
		}
		problems = append(problems, err)
	}
	if journal != "" {
		found, err := inJournal(env, journal)
		s.Leftovers, problems = append(s.Leftovers, found...), append(problems, err)
	}
	return errors.Join(problems...)
}

// order puts enrollments and groups last.
func order(list []Leftover) []Leftover {
	var first, last []Leftover
	for _, l := range list {
		if strings.HasPrefix(l.Kind, "enrollment") {
			last = append(last, l)
		} else {
			first = append(first, l)
		}
	}
	return append(first, last...)
}

func atService(ctx context.Context, env *harness.Env, client *devwire.ServiceClient) ([]Leftover, error) {
	var list []Leftover
	found := func(kind, id, path string) {
		list = append(list, Leftover{kind, id, env.Target.DPS.ServiceHost, func(ctx context.Context) error { return gone(ctx, env, client.Do, path) }})
	}
	enrollments, err := prefixed(ctx, env, client.Do, "/enrollments", "SELECT * FROM enrollments", "registrationId")
	problems := []error{err}
	for _, id := range enrollments {
		answer, err := ask(ctx, env, client.Do, devwire.ServiceRequest{Method: http.MethodGet, Path: devwire.RegistrationPath(id)})
		if problems = append(problems, err); err == nil && answer.Status == http.StatusOK {
			found("registration", id, devwire.RegistrationPath(id))
		}
		found("enrollment", id, devwire.EnrollmentPath(id))
	}
	groups, err := prefixed(ctx, env, client.Do, "/enrollmentGroups", "SELECT * FROM enrollmentGroups", "enrollmentGroupId")
	problems = append(problems, err)
	for _, group := range groups {
		registered, err := prefixed(ctx, env, client.Do, devwire.RegistrationPath(group), "SELECT * FROM deviceRegistrations", "registrationId")
		problems = append(problems, err)
		for _, id := range registered {
			found("registration", id, devwire.RegistrationPath(id))
		}
		found("enrollment group", group, devwire.GroupPath(group))
	}
	return list, errors.Join(problems...)
}

// do sends one request of a service client.
type do func(ctx context.Context, r devwire.ServiceRequest) (devwire.HTTPResponse, error)

// ask waits while the service throttles.
func ask(ctx context.Context, env *harness.Env, send do, r devwire.ServiceRequest) (devwire.HTTPResponse, error) {
	for {
		answer, err := send(ctx, r)
		if err != nil || answer.Status != http.StatusTooManyRequests {
			return answer, err
		}
		after, err := strconv.ParseUint(answer.Header.Get("Retry-After"), 10, 16)
		if err != nil || after == 0 {
			after = 5
		}
		if err := clock.Wait(ctx, env.Wire.Clock, time.Duration(after)*time.Second); err != nil {
			return answer, fmt.Errorf("%s %s is throttled: %w", r.Method, r.Path, err)
		}
	}
}

// manyPages ends a service that never ends: a page holds at least one record.
const manyPages = 100_000

// prefixed are the ids in a collection that begin with the target's prefix.
func prefixed(ctx context.Context, env *harness.Env, send do, collection, query, member string) ([]string, error) {
	var ids []string
	continuation := ""
	for range manyPages {
		header := http.Header{"X-Ms-Max-Item-Count": {"100"}}
		if continuation != "" {
			header.Set("x-ms-continuation", continuation)
		}
		answer, err := ask(ctx, env, send, devwire.ServiceRequest{
			Method: http.MethodPost, Path: collection + "/query", Header: header, Body: map[string]any{"query": query},
		})
		if err != nil {
			return ids, err
		}
		if answer.Status != http.StatusOK {
			return ids, fmt.Errorf("%s/query was answered with %d", collection, answer.Status)
		}
		page, err := answer.List()
		if err != nil {
			return ids, err
		}
		for _, record := range page {
			if id, _ := record[member].(string); begins(id, env.Target.Prefix) {
				ids = append(ids, id)
			}
		}
		if continuation = answer.Header.Get("x-ms-continuation"); continuation == "" {
			return ids, nil
		}
	}
	return ids, fmt.Errorf("%s/query has no last page", collection)
}

// begins compares as the service does, whose ids have no case.
func begins(id, prefix string) bool {
	return len(id) > len(prefix) && strings.EqualFold(id[:len(prefix)], prefix)
}

func gone(ctx context.Context, env *harness.Env, send do, path string) error {
	answer, err := ask(ctx, env, send, devwire.ServiceRequest{
		Method: http.MethodDelete, Path: path, Header: http.Header{"If-Match": {"*"}},
	})
	if err == nil && answer.Status >= 300 && answer.Status != http.StatusNotFound {
		err = fmt.Errorf("answered with %d", answer.Status)
	}
	return err
}
