package run

import (
	"context"
	"net/http"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/scenarios/load"
	"github.com/dpslab/dpslab/simulator/device"
	"github.com/dpslab/dpslab/simulator/fleet"
	"github.com/dpslab/dpslab/simulator/identity"
)

// driver has devices live and records what they do.
type driver struct {
	fleet      *fleet.Fleet
	identities *identity.Fleet
	site       fleet.Site
	recorder   *load.Recorder
	invariants *invariants
	tally      *tally
}

// live is the life of the device whose number the start has. Its flow is the way to the
// first assignment.
func (d *driver) live(ctx context.Context, s load.Start) {
	registration := d.identities.Device(s.N).RegistrationID
	share := d.fleet.Mix()[d.fleet.Share(s.N)]
	flow := load.Sample{
		Kind: share.Attestation.String() + " over " + share.Transport.String(), Flow: s.N, Device: registration, Intended: s.Intended, Actual: s.Actual,
	}
	assigned, first := false, true
	life := d.fleet.Live(ctx, s.N, d.site, func(e fleet.Event) {
		if !counts(e.Kind) {
			return
		}
		request := load.Sample{
			Kind: string(e.Kind), Flow: s.N, Device: registration, Operation: e.OperationID,
			Intended: e.Began, Actual: e.Began, End: e.Began.Add(e.Elapsed), Code: e.Code, ErrorCode: e.ErrorCode, Err: e.Err,
		}
		if first { // nothing kept the device waiting but the generator
			request.Intended, first = s.Intended, false
		}
		d.recorder.Request(request)
		d.invariants.heard(registration, e)
		if assigned {
			return
		}
		flow.End, flow.Code, flow.ErrorCode, flow.Err, flow.Operation = request.End, e.Code, e.ErrorCode, e.Err, e.OperationID
		if e.Status == dps.StatusAssigned {
			assigned = true
			flow.Code = http.StatusOK
			d.recorder.Flow(flow)
			d.recorder.Assigned(e.Hub, flow.End)
		}
	})
	end := d.site.Clock.Now()
	if !assigned {
		flow.End, flow.Unfinished = end, ctx.Err() != nil && !life.GaveUp
		if flow.Code < http.StatusBadRequest {
			flow.Code = 0 // its last answer was no refusal, and it came to nothing all the same
		}
		d.recorder.Flow(flow)
	}
	d.tally.ended(s, life, end, tells(share.Behaviour))
}

// counts reports whether a step is a request: the peer answers it.
func counts(k device.StepName) bool {
	switch k {
	case device.StepWait, device.StepDisconnect, device.StepHubDisconnect, device.StepHubLost, device.StepHubMethod:
		return false
	}
	return true
}

// tells reports whether a device sends telemetry.
func tells(b fleet.Behaviour) bool {
	return b.Telemetry.Count > 0 || b.Telemetry.Interval > 0 && b.Stay > 0
}
