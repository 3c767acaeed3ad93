package reference

import (
	"fmt"
	"net/http"

	"github.com/dpslab/dpslab/internal/controlserver"
	"github.com/dpslab/dpslab/reference/allocation"
)

// SetLatencies replaces what the service knows of the latencies between networks and hubs,
// for later registrations. Nil is nothing: then all hubs tie.
func (v *Service) SetLatencies(t allocation.Table) error {
	l, err := allocation.NewLatencies(t)
	if err != nil {
		return fmt.Errorf("latencies: %w", err)
	}
	v.core.SetLatencies(l)
	return nil
}

// Latencies are what it knows of them.
func (v *Service) Latencies() allocation.Table { return v.core.Latencies().Table() }

// latencies is PUT /v1/services/{name}/latencies.
func (s *Server) latencies(w http.ResponseWriter, r *http.Request) error {
	v, err := s.found(r.PathValue("name"))
	if err != nil {
		return err
	}
	var asked controlserver.Latencies
	if err := controlserver.Decode(r, &asked); err != nil {
		return err
	}
	if err := v.SetLatencies(allocation.Table(asked)); err != nil {
		return controlserver.Errorf(http.StatusBadRequest, "%v", err)
	}
	return controlserver.Reply(w, http.StatusOK, v.describe())
}
