package fakehub

import (
	"errors"
	"net/http"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/controlserver"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/telemetry"
)

// Mount puts the routes under /v1/hubs on the control port.
func (s *Server) Mount(c *controlserver.Server) {
	const collection = "/v1/hubs"
	c.Handle("GET "+collection, func(w http.ResponseWriter, _ *http.Request) error {
		list := []controlserver.Hub{}
		for _, h := range s.Hubs() {
			list = append(list, h.describe())
		}
		return controlserver.Reply(w, http.StatusOK, list)
	})
	c.Handle("POST "+collection, func(w http.ResponseWriter, r *http.Request) error {
		var asked controlserver.HubSpec
		if err := controlserver.Decode(r, &asked); err != nil {
			return err
		}
		h, err := s.make(asked)
		if err != nil {
			return err
		}
		return controlserver.Reply(w, http.StatusCreated, h.describe())
	})
	c.Handle("GET "+collection+"/{name}", func(w http.ResponseWriter, r *http.Request) error {
		h, err := s.found(r.PathValue("name"))
		if err != nil {
			return err
		}
		return controlserver.Reply(w, http.StatusOK, h.describe())
	})
	c.Handle("DELETE "+collection+"/{name}", func(w http.ResponseWriter, r *http.Request) error {
		h, err := s.found(r.PathValue("name"))
		if err != nil {
			return err
		}
		if err := s.RemoveHub(h.name); err != nil && !errors.Is(err, ErrNoHub) {
			return err
		}
		return controlserver.Reply(w, http.StatusNoContent, nil)
	})
	c.HandleClock(collection, func(name string) (*clock.Movable, error) {
		h, err := s.found(name)
		if err != nil {
			return nil, err
		}
		return h.clock, nil
	})
	c.HandlePoints(collection, Defects, func(name string) (*point.Set, error) {
		h, err := s.found(name)
		if err != nil {
			return nil, err
		}
		return h.points, nil
	})
	c.HandleTelemetry(collection, func(name string) (*telemetry.Store, error) {
		h, err := s.found(name)
		if err != nil {
			return nil, err
		}
		return h.telemetry, nil
	})
}

// make adds the hub that control asks for, with its defects armed before anybody knows
// its name.
func (s *Server) make(asked controlserver.HubSpec) (*Hub, error) {
	var entries []point.Entry
	for _, id := range asked.Defects {
		entry, known := Defects.Find(id)
		if !known {
			return nil, controlserver.Errorf(http.StatusBadRequest, "there is no defect %.60q of a hub; GET /v1/catalogue lists them", id)
		}
		entries = append(entries, entry)
	}
	h, err := s.AddHub(HubSpec{Name: asked.Name, OwnAddress: asked.OwnAddress})
	switch {
	case errors.Is(err, ErrHubExists):
		return nil, controlserver.Errorf(http.StatusConflict, "%v; give another", err)
	case errors.Is(err, ErrHubName):
		return nil, controlserver.Errorf(http.StatusBadRequest, "%v", err)
	case err != nil:
		return nil, err
	}
	for _, entry := range entries {
		if _, err := h.points.Arm(entry, point.Address{}, nil); err != nil {
			return nil, errors.Join(controlserver.Errorf(http.StatusBadRequest, "%v", err), s.RemoveHub(h.name))
		}
	}
	return h, nil
}

func (s *Server) found(name string) (*Hub, error) {
	h, err := s.Hub(name)
	if err != nil {
		return nil, controlserver.Errorf(http.StatusNotFound, "there is no hub %.60q; GET /v1/hubs lists them", name)
	}
	return h, nil
}

func (h *Hub) describe() controlserver.Hub {
	p := h.door.Ports()
	return controlserver.Hub{
		Name: h.name, Host: h.Host(), Address: h.Address(),
		Ports:            controlserver.Ports{HTTPS: p.HTTPS, MQTTS: p.MQTTS, AMQPS: p.AMQPS},
		ConnectionString: h.ConnectionString(),
	}
}
