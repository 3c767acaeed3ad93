// Package device is one simulated device, from its first registration to its hub.
//
// A Device is a step machine. Step does one thing (an exchange with the service or the
// hub) and says how long to wait before the next, so that a run can drive a device by
// sockets in a goroutine of its own (Run), or ten thousand of them in virtual time from a
// single thread. It knows time only from a clock.Clock and its peers only as a Transport
// of whole messages; OverWire binds that to real connections.
//
// The steps, in order:
//
//  1. connect to the provisioning service
//  2. register, and register again after a refusal that passes (429, 5xx) or a broken
//     connection
//  3. wait what retry-after says, or two seconds
//  4. poll, from 3 on until the status is terminal
//  5. disconnect from the service, connect to the hub that was assigned
//  6. answer methods, read the twin, report, where the plan says so
//  7. send telemetry at an interval
//  8. stay, then disconnect
package device
