// Package httpsfront is the device API over HTTPS (device-api.md 1).
//
//  1. PUT /{idScope}/registrations/{registrationId}/register, with a SAS token in
//     Authorization or a TLS client certificate. The body is a DeviceRegistration or empty.
//  2. 202 Accepted with the operation, which is assigning, and Retry-After in seconds.
//  3. GET /{idScope}/registrations/{registrationId}/operations/{operationId}, with the
//     same proof: 202 while assigning, 200 once assigned, failed or disabled.
//  4. POST /{idScope}/registrations/{registrationId} looks the registration up without
//     registering: 200 with its bare state.
//
// In one preview a device also asks for a certificate for a server of its own, under
// /{idScope}/devices/{registrationId} (certificates.go).
//
// Every answer carries Content-Length, since one SDK fails on chunked ones, and
// x-ms-request-id, which an error document repeats as trackingId.
package httpsfront
