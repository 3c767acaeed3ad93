// Package control gives names to what harness.Env.Control speaks: the control port of a
// lab. A check of one's own needs them to ask for services and hubs that Env.Service and
// Env.Hub do not make, and to arm the faults of the lab's catalogue:
//
//	service := env.Service(ctx, t)
//	handle, err := env.Control.ArmService(ctx, service.Name, control.Plan{
//		Entry: "https-register-200", Address: control.Address{Registration: "dev-01", Nth: 2},
//	})
//
// A target that is not a lab has no control port: checks that use it say
// Needs: []harness.Need{harness.NeedControl}.
package control

import "github.com/dpslab/dpslab/internal/controlapi"

type (
	Client = controlapi.Client // calls one control port
	Info   = controlapi.Info   // who answers there
	Ports  = controlapi.Ports
	Error  = controlapi.Error // a refusal

	Service      = controlapi.Service
	ServiceSpec  = controlapi.ServiceSpec // asks for one
	Limits       = controlapi.Limits
	LinkedHub    = controlapi.LinkedHub
	Latencies    = controlapi.Latencies
	AccessPolicy = controlapi.AccessPolicy
	Hub          = controlapi.Hub
	HubSpec      = controlapi.HubSpec // asks for one

	Entry   = controlapi.Entry   // a wrong behaviour that can be armed
	Plan    = controlapi.Plan    // arms it
	Address = controlapi.Address // for whom, at which step, which time
	Armed   = controlapi.Armed   // what is armed, and how often it acted

	Event           = controlapi.Event // of the lab's transcript
	Filter          = controlapi.Filter
	Telemetry       = controlapi.Telemetry // a message that a hub took
	TelemetryFilter = controlapi.TelemetryFilter
)
