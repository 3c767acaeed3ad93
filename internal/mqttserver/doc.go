// Package mqttserver speaks MQTT 3.1.1 with one client at a time and leaves every decision
// to a Handler. It is no broker: a provisioning service or a hub has no topics of its own
// that one client could publish to another.
//
// The codec is that of github.com/mochi-mqtt/server/v2/packets, behind the limits of
// reader.go. A session goes like this:
//
//  1. The first packet must be a CONNECT, complete within Timeouts.Connect. A protocol level
//     other than 4 is answered with CONNACK 1 and the connection closed (device-api.md 2.4);
//     a malformed CONNECT closes it without an answer.
//  2. Handler.Connect decides. The Connack point may bend the decision. A code other than 0
//     is sent and the connection closed.
//  3. An older session of the same ClientID is closed, its will handed over, and waited for;
//     then CONNACK 0 is sent, and what Session.Publish and Session.Go were given meanwhile
//     goes ahead.
//  4. SUBSCRIBE: Handler.Subscribe grants or refuses each filter; the SUBACK is sent, bent by
//     the Suback point; then Handler.Subscribed hears of what was granted.
//  5. PUBLISH: Handler.Publish decides. An error closes the connection without a PUBACK; QoS 2
//     closes it before anybody is asked (device-api.md 2.8). At QoS 1 the PUBACK is sent,
//     bent by the Puback point, and only then what Handler.Publish returned is run: a client
//     may count on seeing the PUBACK before the answer (device-api.md 0.1, rule 3).
//  6. Session.Publish sends a PUBLISH with a packet id of the session's own, bent by the
//     Outgoing point. The client's PUBACK frees the id; a PUBACK that nobody waits for is
//     ignored, whatever its id, since one SDK acknowledges QoS 0 with packet id 0
//     (device-api.md 2.6).
//  7. PINGREQ is answered, and so is UNSUBSCRIBE, whether subscribed or not, unless the Bare
//     point keeps the answer back.
//  8. The session ends with DISCONNECT, which discards the will, or in any other way, which
//     hands it to Handler.Closed: the connection ended, a rule was broken, no packet came
//     within one and a half times the keep-alive (never, for keep-alive 0: device-api.md 0.1,
//     rule 18), a packet was begun and not completed within Timeouts.Packet, a newer session
//     took over, Server.Drop, Session.Close, or the end of the context. The Breached point
//     can make the server look away from three of the rules.
//
// One goroutine reads and calls the Handler. Writes come from any goroutine, one packet a
// Write under one mutex, each with a deadline.
package mqttserver
