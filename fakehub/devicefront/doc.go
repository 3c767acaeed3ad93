// Package devicefront is a hub's side towards devices: MQTT 3.1.1 and AMQP 1.0, each on its
// own port or over a WebSocket (iot-hub.md 1 and 2).
//
// What a device's connection over MQTT goes through:
//
//  1. CONNECT. The client id is the device id; the user name is
//     {host}/{deviceId}/?api-version=…, its query free in order and, from old SDKs, without
//     the "?". The password is a SAS token for {host}/devices/{deviceId}; without one the
//     TLS client certificate counts. Which of the two decides is up to the identity. A will
//     may only be telemetry.
//  2. Every refusal is CONNACK 5, whatever the reason, and the connection is closed.
//  3. Without clean session the subscriptions of earlier connections are in force at once,
//     all of them, and CONNACK says session present. They last as long as the process.
//  4. SUBSCRIBE. Five filters are known; QoS 2 is granted as 1. Any other filter closes the
//     connection without a SUBACK.
//  5. PUBLISH. What the device sends on devices/{deviceId}/messages/events/{bag} is
//     telemetry. On $iothub it asks for its twin, reports properties and answers methods;
//     the answers, desired changes and method calls come at QoS 0, whatever was granted,
//     and only on filters that are subscribed. Any other topic, QoS 2 and telemetry over
//     256 KB close the connection without a PUBACK.
//  6. PUBACK comes first, then what the request causes.
//  7. The connection ends when the client goes, by DISCONNECT or else with its will turned
//     into telemetry; when it says nothing for one and a half times its keep-alive, 1767 s
//     at most; when its token expires by the hub's clock; when a newer connection of the
//     device takes over; when the identity is disabled or deleted.
//
// And over AMQP:
//
//  1. SASL, or none at all. PLAIN carries {deviceId}@sas.{hub} and a token; EXTERNAL wants a
//     client certificate; MSSBCBS, ANONYMOUS and no SASL lead to step 2.
//  2. $cbs. A message there with the operation put-token puts the token of the device that it
//     names in force, on this connection, until the token expires. It is accepted, and the
//     verdict follows as a message: its correlation-id is the message-id as it came, its
//     status-code an int. A device with a certificate needs none.
//  3. Links: /devices/{deviceId}/messages/events, /messages/devicebound, /methods/devicebound
//     and /twin, with or without amqps://{host} before it. A device that has proved nothing is
//     refused with amqp:unauthorized-access. A connection may speak for several devices; of
//     two links of a device for the same, the newer one stays.
//  4. Telemetry is a message, or a batch of them; it is accepted once it is stored.
//  5. Twin requests are told apart by annotations. An answer comes over the link with the same
//     com.microsoft:channel-correlation-id, with the request's correlation-id; a desired
//     change has none. Methods come with a uuid.
//  6. A device's links end when its token expires by the hub's clock, and when the identity is
//     disabled or deleted; with the last of them it is no longer connected.
package devicefront
