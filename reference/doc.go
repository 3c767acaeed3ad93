// Package reference is the reference DPS: a Device Provisioning Service that speaks to
// unmodified devices and tools. One Server hosts any number of isolated services, each
// with its own names, id scope, store, clock, points and linked hubs.
//
// The story of one registration through its packages:
//
//  1. internal/frontdoor accepts the connection, finishes TLS, and routes it to the
//     service whose name was asked for.
//  2. deviceapi/httpsfront, mqttfront or amqpfront decodes the request into a claim.
//  3. provisioning finds the enrollment that decides, attestation judges the proof, and an
//     operation is opened: the device hears 202 and assigning.
//  4. allocation chooses a linked hub; hubclient writes identity and twin there.
//  5. The record is stored, the operation settles, and the next poll hears 200 and assigned.
//
// serviceapi is how operators manage enrollments beside it; httpapi is what both APIs have
// in common over HTTPS. defects.go lists what can be
// broken on purpose; control.go mounts services on the control port.
package reference
