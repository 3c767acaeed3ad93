package interop_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/controlapi"
)

// throttledSteps are the steps of every witness's program throttled.
var throttledSteps = []string{"enroll", "register", "register again", "remove"}

// refusals429 is how often a device is told to come again before it may.
const refusals429 = 2

// timerSlack is how much earlier a language's timer may fire than it was told to.
const timerSlack = 10 * time.Millisecond

// throttled has a device register twice at a service of its own that takes one registration
// a minute. Each refusal asks it to come again in a second, which is too early until the
// service's clock has moved on.
func (w witness) throttled(t *testing.T, transport string) {
	client, err := control()
	if err != nil {
		t.Fatal(err)
	}
	second := 1
	service, err := client.CreateService(t.Context(), controlapi.ServiceSpec{
		Name: throttledName(w, transport), LinkedHubs: linkedHub(), RetryAfterSeconds: &second,
		Limits: &controlapi.Limits{RegistrationsPerMinute: 1}, Defects: []string{"throttled-too-briefly"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := client.DeleteService(context.WithoutCancel(t.Context()), service.Name); err != nil {
			t.Error(err)
		}
	}()

	id := newIdentity(t, "throttled-"+w.folder+"-"+transport, "symmetric-individual")
	id.variables = append(id.variables,
		"DPSLAB_ID_SCOPE="+service.IDScope, "DPSLAB_SERVICE_CONNECTION_STRING="+service.ConnectionString)

	var told []time.Time
	var watching sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	watching.Go(func() { told = passMinute(ctx, t, client, service.Name, id.registration) })
	defer watching.Wait()
	defer stop()
	w.run(t, "throttled", []string{transport}, id, throttledSteps)
	stop()
	watching.Wait()
	if len(told) < refusals429 {
		t.Fatalf("the device was told %d times to come again, instead of %d", len(told), refusals429)
	}
	if pause := told[1].Sub(told[0]); pause < time.Second-timerSlack {
		t.Errorf("the SDK came again after %s, and was asked for a second", pause)
	}
}

// passMinute lets a minute pass at a service once a device was refused often enough, and
// returns when that was.
func passMinute(ctx context.Context, t *testing.T, client *controlapi.Client, service, registration string) []time.Time {
	var refused []time.Time
	for event, err := range client.Events(ctx, controlapi.Filter{Registration: registration}) {
		if err != nil {
			t.Error(err)
			break
		}
		if !comeAgain(event) {
			continue
		}
		if refused = append(refused, event.At); len(refused) == refusals429 {
			if _, err := client.AdvanceService(ctx, service, time.Minute); err != nil {
				t.Error(err)
			}
		}
	}
	return refused
}

// comeAgain reports whether the service tells a device that it has no registration left to give.
func comeAgain(event controlapi.Event) bool {
	return strings.HasPrefix(event.Summary, "HTTP/1.1 429 ") ||
		strings.Contains(event.Summary, "$dps/registrations/res/429/") ||
		slices.ContainsFunc(event.Lines, func(line string) bool {
			return strings.Contains(line, "condition=com.microsoft:device-container-throttled")
		})
}

// throttledName is the name of the service where a witness is throttled: known before it
// is made, since names get their meaning before the programs run.
func throttledName(w witness, transport string) string {
	return "throttled-" + w.folder + "-" + transport
}

// throttledHosts are the hosts of these services.
func throttledHosts() []string {
	_, domain, _ := strings.Cut(os.Getenv("DPSLAB_SERVICE_HOST"), ".")
	var hosts []string
	for _, w := range []witness{node, python} {
		for _, transport := range w.transports {
			hosts = append(hosts, throttledName(w, transport)+"."+domain)
		}
	}
	return hosts
}

// linkedHub is the lab's first.
func linkedHub() []controlapi.LinkedHub {
	return []controlapi.LinkedHub{{ConnectionString: os.Getenv("DPSLAB_HUB_1_CONNECTION_STRING")}}
}
