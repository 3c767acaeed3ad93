package controlserver

import (
	"iter"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/telemetry"
)

// The routes below a service and below a hub are the same; collection is "/v1/services"
// or "/v1/hubs", and find's error, an Error with status 404, says that there is no such one.

// HandlePoints mounts {collection}/{name}/points: what is armed there, arming, disarming.
func (s *Server) HandlePoints(collection string, catalogue point.Catalogue, find func(name string) (*point.Set, error)) {
	at := collection + "/{name}/points"
	s.Handle("GET "+at, func(w http.ResponseWriter, r *http.Request) error {
		set, err := find(r.PathValue("name"))
		if err != nil {
			return err
		}
		list := []Armed{}
		for _, a := range set.List() {
			list = append(list, Armed{Handle: a.Handle, Entry: a.Entry, Address: Address(a.Address), Args: a.Args, Fired: a.Fired})
		}
		return Reply(w, http.StatusOK, list)
	})
	s.Handle("POST "+at, func(w http.ResponseWriter, r *http.Request) error {
		set, err := find(r.PathValue("name"))
		if err != nil {
			return err
		}
		var arm Arm
		if err := Decode(r, &arm); err != nil {
			return err
		}
		entry, known := catalogue.Find(arm.Entry)
		if !known {
			return Errorf(http.StatusBadRequest, "there is no entry %q here; GET /v1/catalogue lists them", arm.Entry)
		}
		if arm.Address.Nth < 0 {
			return Errorf(http.StatusBadRequest, "nth counts from 1, and 0 is every match")
		}
		handle, err := set.Arm(entry, point.Address(arm.Address), arm.Args)
		if err != nil {
			return Errorf(http.StatusBadRequest, "%s", err)
		}
		return Reply(w, http.StatusCreated, map[string]string{"handle": handle})
	})
	s.Handle("DELETE "+at+"/{handle}", func(w http.ResponseWriter, r *http.Request) error {
		set, err := find(r.PathValue("name"))
		if err != nil {
			return err
		}
		if handle := r.PathValue("handle"); !set.Disarm(handle) {
			return Errorf(http.StatusNotFound, "nothing is armed as %q", handle)
		}
		return Reply(w, http.StatusNoContent, nil)
	})
}

// maxAdvance is ten years at once; Movable clocks go forward only.
const maxAdvance = 10 * 366 * 24 * time.Hour

// HandleClock mounts {collection}/{name}/clock: moving a clock ahead.
func (s *Server) HandleClock(collection string, find func(name string) (*clock.Movable, error)) {
	s.Handle("POST "+collection+"/{name}/clock", func(w http.ResponseWriter, r *http.Request) error {
		c, err := find(r.PathValue("name"))
		if err != nil {
			return err
		}
		var advance Advance
		if err := Decode(r, &advance); err != nil {
			return err
		}
		if advance.Seconds < 0 || advance.Seconds > maxAdvance.Seconds() {
			return Errorf(http.StatusBadRequest, "advanceSeconds is %g; a clock goes forward, by ten years at most", advance.Seconds)
		}
		c.Advance(time.Duration(advance.Seconds * float64(time.Second)))
		return Reply(w, http.StatusOK, Now{c.Now().UTC()})
	})
}

// HandleTelemetry mounts {collection}/{name}/telemetry: what a hub accepted, as a list or,
// for a reader that accepts text/event-stream, as a stream.
func (s *Server) HandleTelemetry(collection string, find func(name string) (*telemetry.Store, error)) {
	s.Handle("GET "+collection+"/{name}/telemetry", func(w http.ResponseWriter, r *http.Request) error {
		store, err := find(r.PathValue("name"))
		if err != nil {
			return err
		}
		query, err := parameters(r, "device", "after")
		if err != nil {
			return err
		}
		after, err := number(query, "after")
		if err != nil {
			return err
		}
		filter := telemetry.Filter{DeviceID: query.Get("device"), After: after}
		if strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
			return Stream(w, r, written(store.Follow(r.Context(), filter)))
		}
		list := []Telemetry{}
		for _, e := range store.Events(filter) {
			list = append(list, writeTelemetry(e))
		}
		return Reply(w, http.StatusOK, list)
	})
}

func written(events iter.Seq[telemetry.Event]) iter.Seq[Telemetry] {
	return func(yield func(Telemetry) bool) {
		for e := range events {
			if !yield(writeTelemetry(e)) {
				return
			}
		}
	}
}

func writeTelemetry(e telemetry.Event) Telemetry {
	t := Telemetry{
		Seq: e.Seq, DeviceID: e.DeviceID, EnqueuedTime: e.EnqueuedTime.UTC(), Body: e.Body,
		Properties: map[string]*string{}, SystemProperties: map[string]string{},
	}
	if t.Body == nil {
		t.Body = []byte{} // base64 of nothing is "", not null
	}
	maps.Copy(t.Properties, e.Properties)
	maps.Copy(t.SystemProperties, e.SystemProperties)
	return t
}
