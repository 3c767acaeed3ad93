// Package mqttfront is the device API over MQTT 3.1.1, on its own port or inside a
// WebSocket (device-api.md 2).
//
//  1. CONNECT: the client id is the registration id, the user name is
//     {idScope}/registrations/{registrationId}/api-version={version}[&ClientVersion=…],
//     the password a SAS token or absent. A token is judged here (CONNACK 0 or 5); a
//     certificate is judged when the device registers, as the service does it.
//  2. SUBSCRIBE to $dps/registrations/res/#, QoS 0 or 1.
//  3. PUBLISH to $dps/registrations/PUT/iotdps-register/?$rid={rid}; PUBACK at QoS 1.
//  4. The answer, after the PUBACK: $dps/registrations/res/202/?$rid={rid}&retry-after={seconds}.
//  5. PUBLISH to $dps/registrations/GET/iotdps-get-operationstatus/?$rid={rid}&operationId={id}
//     until the answer comes on …/res/200/?$rid={rid}.
//
// This is no broker: a device hears the answers to its own requests and nothing else, no
// session outlives its connection, and any other topic ends it.
package mqttfront
