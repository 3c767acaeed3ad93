// Package frontdoor accepts connections for every service and hub of a process and
// hands each one, after its TLS handshake, to the host that it is for.
//
// All hosts share one set of ports, as the names of a cloud do. What a connection goes
// through:
//
//  1. A TCP connection is accepted. It waits in the lobby, which has a bounded number of
//     places; when they run out, clients that have not said a word are hurried out, so
//     that they never keep a speaking client waiting.
//  2. The Accept point may refuse it, before anything is known but the listener.
//  3. The ClientHello names a host (SNI). The local address decides first: a host with an
//     address of its own gets everything that comes in there. On the shared addresses an
//     unknown name, or none, goes to the default host (device-api.md 2.1).
//  4. The ClientHello point may answer with an alert, another certificate, or a demand for
//     a client certificate.
//  5. The handshake goes on with the host's own tls.Config: TLS 1.2 or 1.3, a client
//     certificate is asked for, never required and never verified (device-api.md 2.1),
//     because the verdict on it belongs to a later step of each protocol. Time is the
//     host's clock, and session tickets of one host mean nothing to another.
//  6. On the MQTTS and AMQPS ports the connection goes to the host's MQTT or AMQP function.
//  7. On the HTTPS port it goes to one net/http server, whose requests go to the host's
//     handler, unless they ask for a WebSocket.
//  8. A WebSocket is told apart by its subprotocol, never by its path (device-api.md 2.9):
//     mqtt or AMQPWSB10 in any spelling, echoed as the client wrote it. The Upgrade point
//     may bend the answer. The upgraded stream then goes the way of step 6.
//  9. When its function or its last request is done, the connection is closed.
//
// The transcript gets a record per connection, opened at the ClientHello when the host is
// known, with the facts of the handshake as a note; an upgraded stream gets its own.
package frontdoor
