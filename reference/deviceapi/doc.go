// Package deviceapi holds what the device fronts share: the JSON documents that devices
// and the service exchange, the same over every transport (device-api.md 1.4 to 1.6).
//
// A front decodes its wire into a provisioning.Claim and a Request, calls the core, and
// encodes the operation or the problem. The documents here are the only place where the
// device API's member names are written on the server side.
package deviceapi
