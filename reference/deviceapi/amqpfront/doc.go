// Package amqpfront is the device API over AMQP 1.0, on its own port or inside a WebSocket
// (device-api.md 3).
//
//  1. SASL, or none at all. PLAIN carries {idScope}/registrations/{registrationId} and a SAS
//     token, which is judged here: outcome 0 or 1. TPM shows an endorsement key, is
//     challenged in two segments and answers with a token signed by the key in them
//     (device-api.md 4.3). A device with a certificate takes EXTERNAL or ANONYMOUS, or leaves
//     SASL out; like an endorsement key, a certificate is judged when the device registers.
//  2. Open, begin, and two links whose address at the service's end is
//     {idScope}/registrations/{registrationId}, with or without a slash or amqps://{host}/
//     before it. Without SASL the first one says who the device is. Their property
//     com.microsoft:api-version is the version of the requests on them. An address that is not
//     the device's own is refused.
//  3. A message with the application property iotdps-operation-type iotdps-register. Its body
//     is a DeviceRegistration or empty.
//  4. The outcome accepted, and after it the answer on the device's receiving link: one data
//     section, the request's correlation-id as it came, and retry-after while assigning.
//  5. A message iotdps-get-operationstatus with iotdps-operation-id and whatever body, until
//     the answer is terminal.
//  6. A request that is refused is rejected, without an answer: its condition is the class of
//     the error, its description the error document, its info retry-after.
//
// An answer needs a receiving link; without one it is lost.
package amqpfront
