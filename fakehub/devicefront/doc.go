// Package devicefront is a hub's side towards devices: MQTT 3.1.1, on the MQTTS port or
// over a WebSocket (iot-hub.md 1).
//
// What a device's connection goes through:
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
package devicefront
