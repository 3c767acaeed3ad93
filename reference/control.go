package reference

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/controlserver"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/allocation"
	"github.com/dpslab/dpslab/reference/document"
	"github.com/dpslab/dpslab/reference/quota"
)

// removeTimeout bounds how long a DELETE waits for a service's registrations under way.
const removeTimeout = 5 * time.Second

// defaultRetryAfter is what the service was captured to ask for (device-api.md 5).
const defaultRetryAfter = 3 * time.Second

// Mount puts the routes under /v1/services on the control port.
func (s *Server) Mount(c *controlserver.Server) {
	const collection, one = "/v1/services", "/v1/services/{name}"
	c.Handle("GET "+collection, s.list)
	c.Handle("POST "+collection, s.create)
	c.Handle("GET "+one, s.show)
	c.Handle("DELETE "+one, s.remove)
	c.Handle("PUT "+one+"/linkedHubs", s.link)
	c.Handle("PUT "+one+"/limits", s.limit)
	c.Handle("PUT "+one+"/latencies", s.latencies)
	c.HandleClock(collection, func(name string) (*clock.Movable, error) {
		v, err := s.found(name)
		if err != nil {
			return nil, err
		}
		return v.clock, nil
	})
	c.HandlePoints(collection, Defects, func(name string) (*point.Set, error) {
		v, err := s.found(name)
		if err != nil {
			return nil, err
		}
		return v.points, nil
	})
}

func (s *Server) list(w http.ResponseWriter, _ *http.Request) error {
	list := []controlserver.Service{}
	for _, v := range s.Services() {
		list = append(list, v.describe())
	}
	return controlserver.Reply(w, http.StatusOK, list)
}

func (s *Server) create(w http.ResponseWriter, r *http.Request) error {
	var asked controlserver.ServiceSpec
	if err := controlserver.Decode(r, &asked); err != nil {
		return err
	}
	v, err := s.make(r.Context(), asked)
	if err != nil {
		return controlserver.Errorf(http.StatusBadRequest, "%v", err)
	}
	return controlserver.Reply(w, http.StatusCreated, v.describe())
}

func (s *Server) show(w http.ResponseWriter, r *http.Request) error {
	v, err := s.found(r.PathValue("name"))
	if err != nil {
		return err
	}
	return controlserver.Reply(w, http.StatusOK, v.describe())
}

func (s *Server) remove(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.found(r.PathValue("name")); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), removeTimeout)
	defer cancel()
	if err := s.RemoveService(ctx, r.PathValue("name")); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return controlserver.Reply(w, http.StatusNoContent, nil)
}

func (s *Server) link(w http.ResponseWriter, r *http.Request) error {
	v, err := s.found(r.PathValue("name"))
	if err != nil {
		return err
	}
	var asked []controlserver.LinkedHub
	if err := controlserver.Decode(r, &asked); err != nil {
		return err
	}
	if err := v.Link(linkedHubs(asked)); err != nil {
		return controlserver.Errorf(http.StatusBadRequest, "%v", err)
	}
	return controlserver.Reply(w, http.StatusOK, v.describe())
}

func (s *Server) limit(w http.ResponseWriter, r *http.Request) error {
	v, err := s.found(r.PathValue("name"))
	if err != nil {
		return err
	}
	var asked controlserver.Limits
	if err := controlserver.Decode(r, &asked); err != nil {
		return err
	}
	limits, err := limitsOf(asked)
	if err != nil {
		return controlserver.Errorf(http.StatusBadRequest, "%v", err)
	}
	v.Limit(limits)
	return controlserver.Reply(w, http.StatusOK, v.describe())
}

func limitsOf(asked controlserver.Limits) (quota.Limits, error) {
	if min(asked.RegistrationsPerMinute, asked.OperationsPerMinute, asked.PollsPerTenSeconds) < 0 {
		return quota.Limits{}, errors.New("a limit is 0, for none, or more")
	}
	return quota.Limits{
		Registrations: quota.Rate{Count: asked.RegistrationsPerMinute, Per: time.Minute},
		Operations:    quota.Rate{Count: asked.OperationsPerMinute, Per: time.Minute},
		Polls:         quota.Rate{Count: asked.PollsPerTenSeconds, Per: 10 * time.Second},
	}, nil
}

func shownLimits(l quota.Limits) controlserver.Limits {
	return controlserver.Limits{
		RegistrationsPerMinute: l.Registrations.Count, OperationsPerMinute: l.Operations.Count, PollsPerTenSeconds: l.Polls.Count,
	}
}

// make adds the service that control asks for, with its defects armed before it answers
// anybody's second request.
func (s *Server) make(ctx context.Context, asked controlserver.ServiceSpec) (*Service, error) {
	spec := ServiceSpec{
		Name: asked.Name, OwnAddress: asked.OwnAddress, Hubs: linkedHubs(asked.LinkedHubs),
		Latencies: allocation.Table(asked.Latencies), RetryAfter: defaultRetryAfter, NaiveREST: asked.NaiveREST != nil && *asked.NaiveREST,
	}
	var err error
	if spec.Policies, err = accessPolicies(asked.Policies); err != nil {
		return nil, err
	}
	if asked.Limits != nil {
		limits, err := limitsOf(*asked.Limits)
		if err != nil {
			return nil, err
		}
		spec.Limits = limits
	}
	if asked.RetryAfterSeconds != nil {
		spec.RetryAfter = time.Duration(*asked.RetryAfterSeconds) * time.Second
	}
	if asked.AllocationPolicy != "" {
		policy, known := document.PolicyOf(asked.AllocationPolicy)
		if !known || policy == dps.PolicyCustom {
			return nil, errors.New("allocationPolicy of a service is hashed, geoLatency or static")
		}
		spec.Policy = policy
	}
	v, err := s.AddService(spec)
	if err != nil {
		return nil, err
	}
	for _, id := range asked.Defects {
		entry, ok := Defects.Find(id)
		if !ok {
			err = errors.New("no defect " + id + "; GET /v1/catalogue lists them")
		} else {
			_, err = v.points.Arm(entry, point.Address{}, nil)
		}
		if err != nil {
			return nil, errors.Join(err, s.RemoveService(ctx, v.name))
		}
	}
	return v, nil
}

func (s *Server) found(name string) (*Service, error) {
	v, err := s.Service(name)
	if err != nil {
		return nil, controlserver.Errorf(http.StatusNotFound, "there is no service %q; GET /v1/services lists them", name)
	}
	return v, nil
}

func linkedHubs(asked []controlserver.LinkedHub) []LinkedHub {
	var list []LinkedHub
	for _, h := range asked {
		l := LinkedHub{ConnectionString: h.ConnectionString, Address: h.Address}
		if h.AllocationWeight != nil {
			l.Weight = *h.AllocationWeight
		}
		l.Excluded = h.ApplyAllocationPolicy != nil && !*h.ApplyAllocationPolicy
		list = append(list, l)
	}
	return list
}

func (v *Service) describe() controlserver.Service {
	p := v.server.o.Door.Ports()
	return controlserver.Service{
		Name: v.name, IDScope: v.scope, DeviceHost: v.DeviceHost(), ServiceHost: v.ServiceHost(), Address: v.Address(),
		Ports:            controlserver.Ports{HTTPS: p.HTTPS, MQTTS: p.MQTTS, AMQPS: p.AMQPS},
		ConnectionString: v.ConnectionString(), LinkedHubs: v.LinkedHubs(),
		RetryAfterSeconds: int(v.core.RetryAfter() / time.Second), Limits: shownLimits(v.quota.Limits()),
		Latencies: controlserver.Latencies(v.Latencies()),
	}
}
