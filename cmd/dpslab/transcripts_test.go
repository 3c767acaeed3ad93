package main

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/transcript"
)

// The server's record and the client's are of the same bytes, taken at the two ends of a
// connection by different hands.
func TestBothTranscriptsTellTheSameExchange(t *testing.T) {
	t.Parallel()
	s := newSeam(t)
	if _, err := s.control.ArmService(t.Context(), s.name, controlapi.Plan{
		Entry: "mqtt-retained-answers", Address: controlapi.Address{Registration: "dev-mqtt"},
	}); err != nil {
		t.Fatal(err)
	}
	for _, over := range []dps.Transport{dps.HTTPS, dps.MQTT, dps.MQTTWebSocket} {
		id := "dev-" + over.String()
		if answer := s.provision(t, over, id); answer.Status != dps.StatusAssigned {
			t.Errorf("%v", answer)
		}
		var server, client, injected []string
		for _, e := range s.toItsEnd(t, id) {
			switch {
			case e.Kind == transcript.KindMessage:
				server = append(server, opposite(e.Direction)+" "+e.Summary+"\n"+strings.Join(e.Lines, "\n")+"\n"+e.Body)
			case e.Kind == transcript.KindInjected:
				injected = append(injected, e.Summary)
			case e.Kind == transcript.KindGarbage:
				t.Errorf("%s: %+v", over, e)
			}
		}
		for _, e := range s.wire.Log.Events(transcript.Filter{Registration: id}) {
			// The upgrade to WebSocket is no device's yet where the server sees it.
			if e.Kind == transcript.KindMessage && (over == dps.HTTPS || e.Protocol == transcript.MQTT) {
				client = append(client, e.Direction+" "+e.Summary+"\n"+strings.Join(e.Lines, "\n")+"\n"+e.Body)
			}
		}
		// Requests that overlap on a connection may be told in another order at its two ends.
		slices.Sort(server)
		slices.Sort(client)
		if len(server) < 4 || !slices.Equal(server, client) {
			t.Errorf("%s: the server saw\n%s\nand the client\n%s", over, strings.Join(server, "\n"), strings.Join(client, "\n"))
		}
		if told := strings.Join(injected, " "); strings.Contains(told, "mqtt-retained-answers") != (id == "dev-mqtt") {
			t.Errorf("%s: injected %q", over, injected)
		}
	}
}

// toItsEnd is what the server records of a device's connection until it is closed.
func (s *seam) toItsEnd(t *testing.T, id string) (events []controlapi.Event) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for e, err := range s.control.Events(ctx, controlapi.Filter{Service: s.name, Registration: id}) {
		if err != nil {
			t.Fatalf("%v after %+v", err, events)
		}
		events = append(events, e)
		if e.Kind == transcript.KindClosed {
			break
		}
	}
	return events
}

func opposite(direction string) string {
	if direction == "received" {
		return "sent"
	}
	return "received"
}

func TestEventsAreFollowedWhileTheyHappen(t *testing.T) {
	t.Parallel()
	s := newSeam(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	registered := make(chan struct{})
	go func() {
		defer close(registered)
		s.register(t, "dev-01")
	}()
	for e, err := range s.control.Events(ctx, controlapi.Filter{Registration: "dev-01"}) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(e.Summary, "202") {
			break
		}
	}
	<-registered
}
