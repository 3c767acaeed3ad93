// Package devwire is the client half of the wire: how a device, and whoever administers
// devices, talk to a provisioning service and to hubs. It shares no encoder with the
// servers of this module, so that a suite which uses it cannot agree with their mistakes.
//
// One Wire serves a run. A registration goes over it like this:
//
//  1. Wire.Dial connects to Endpoint.Address and never to a name of the real cloud, asks
//     for Endpoint.Host by SNI, verifies the chain against Wire.Roots at Wire.Clock's
//     time, and records every byte inside TLS in Wire.Log.
//  2. Wire.Device puts a transport on it. HTTPS is one kept-alive connection. MQTT sends
//     CONNECT with the registration id as client id and a SAS token as password (or
//     nothing, when the certificate of the handshake is the credential), and subscribes
//     to $dps/registrations/res/#. AMQP logs in by SASL (or begins without, when there is a
//     certificate) and attaches a receiver and a sender to the registration's address.
//     Both over WebSocket do the same after an upgrade.
//  3. Device.Register sends the registration and returns the answer: 202, an operation id
//     and usually retry-after. Over MQTT the answer is found by its $rid, over AMQP by its
//     correlation-id. A device with a TPM first imports the key of a challenge (HTTPS), or
//     did so within SASL (AMQP).
//  4. Wire.Provision waits retry-after on the clock and polls, until the status is
//     terminal: assigned, failed or disabled.
//  5. Wire.HubDevice connects to the hub that was assigned, with the same credential:
//     telemetry, twin, methods.
//
// Wire.Service and Wire.HubService are the administrator's side: requests signed with a
// policy's key. Wire.Packets, Wire.AMQP and Wire.RawHTTP are for checks that look at order
// or send what no client would.
//
// Answers are decoded strictly, by exact member names and kinds, and whatever is wrong
// comes back as a *Malformed next to the answer, which keeps the bytes in Raw. Nothing
// here prints a key or a token: every type that could hold one hides it.
package devwire
