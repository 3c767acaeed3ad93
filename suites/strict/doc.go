// Package strict holds scripted clients. Each speaks to a provisioning service as one
// official SDK does, and complains of whatever that SDK could not take.
//
// They restate facts of docs/protocol/device-api.md and nothing of an SDK's code. A file
// for each SDK holds what it sends (its user name, its token, its bodies, its paths and
// headers) and its rules: what it demands of an answer. A session goes like this:
//
//  1. SDK.Register opens the transport as the SDK does: over WebSocket at its own path and
//     with its own spelling of the subprotocol.
//  2. Over MQTT it sends the SDK's CONNECT and SUBSCRIBE and hears CONNACK and SUBACK. A
//     client that wants its packets in order (C#) takes nothing else at that point.
//     Over AMQP it logs in by SASL or begins without, attaches its two links in the SDK's
//     order, and sends a request when there is credit for it.
//  3. It registers, waits as long as the service asks for, and polls, until the status is
//     terminal or the service refuses. Every answer goes through the SDK's rules, first its
//     topic or header, then its document.
//  4. What breaks a rule is a *Complaint: which SDK fails, of what, and which requirement of
//     the catalogue the service broke. Anything else that the SDK hears, a refusal as well
//     as a failed registration, is an Outcome and no error.
//
// How long an SDK waits is counted on the wire's clock, so that a test moves it. What is
// left out: a client polls when the service asks it to and not at its SDK's own pace (but
// for the first poll of iot-identity-service, which comes at once), and a throttled answer
// ends its script, for neither could break an SDK.
//
// The package judges what a service sends, so it belongs to the suites and not to the
// simulator, whose devices have to get along with it.
package strict
