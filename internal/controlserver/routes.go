package controlserver

import (
	"net/http"

	"github.com/dpslab/dpslab/internal/transcript"
)

// routes are what every process serves, whatever its roles.
func (s *Server) routes() {
	s.Handle("GET /healthz", func(w http.ResponseWriter, _ *http.Request) error {
		return Reply(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	if s.options.Info != nil {
		s.Handle("GET /v1/info", func(w http.ResponseWriter, _ *http.Request) error {
			return Reply(w, http.StatusOK, s.options.Info())
		})
	}
	s.Handle("GET /v1/catalogue", func(w http.ResponseWriter, _ *http.Request) error {
		return Reply(w, http.StatusOK, append([]Entry{}, s.options.Catalogue...))
	})
	s.Handle("GET /v1/transcript", func(w http.ResponseWriter, r *http.Request) error {
		filter, err := transcriptFilter(r)
		if err != nil {
			return err
		}
		return Reply(w, http.StatusOK, append([]transcript.Event{}, s.options.Log.Events(filter)...))
	})
	s.Handle("GET /v1/events", func(w http.ResponseWriter, r *http.Request) error {
		filter, err := transcriptFilter(r)
		if err != nil {
			return err
		}
		return Stream(w, r, s.options.Log.Follow(r.Context(), filter))
	})
}

func transcriptFilter(r *http.Request) (transcript.Filter, error) {
	query, err := parameters(r, "service", "registration", "after")
	if err != nil {
		return transcript.Filter{}, err
	}
	after, err := number(query, "after")
	return transcript.Filter{Service: query.Get("service"), Registration: query.Get("registration"), After: after}, err
}
