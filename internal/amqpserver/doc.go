// Package amqpserver speaks AMQP 1.0 with one client at a time and leaves every decision to
// a Handler. It is no broker: it routes nothing from one client to another. The codec is
// package amqp below it; both are written from the OASIS standard.
//
// A connection goes like this:
//
//  1. The client sends a protocol header within Timeouts.Header. That of SASL leads through
//     steps 2 and 3; that of AMQP goes to step 4 at once, since an X.509 device sends no
//     other (device-api.md 0.1, item 12). Any other is answered with a right one and the
//     connection closed. The Header point may bend the answer.
//  2. Handler.Mechanisms are offered, as an array even when there is one. The client chooses
//     one; Handler.Authenticate answers each of its steps with a challenge or an outcome: one
//     step for PLAIN, EXTERNAL and ANONYMOUS, four for TPM (device-api.md 4.3). The points
//     Mechanisms, Challenge and Outcome may bend what is sent.
//  3. An outcome other than OK closes the connection. After OK comes the header of AMQP.
//  4. The client's open is judged by Handler.Open. The server's open is sent in any case, so
//     that a refusal can follow in a close. From here on, a frame larger than the open
//     allowed, a frame that cannot be read or one that has no place where it stands gets a
//     close with the standard's condition; idleness is watched both ways: an empty frame goes
//     out when half of the client's idle-time-out has passed without another, and a client
//     that is silent for all of the server's is closed with amqp:resource-limit-exceeded.
//     The Enforced point can make the server look away from its own limits, and Violated from
//     a frame that it cannot take.
//  5. Sessions are begun by the client alone. The server answers on the client's own channel
//     number where the client's channel-max allows that.
//  6. An attach is judged by Handler.Incoming, when the client wants to send, or by
//     Handler.Outgoing, when it wants to receive. The answer echoes source, target and settle
//     modes. A refusal is an attach without the terminus at the server's end, and a detach
//     with the error (iot-hub.md 2.7). A link of the same name and direction in the session
//     is detached with amqp:link:stolen.
//  7. On an accepted link over which the client sends, credit is granted, and topped up
//     whenever half of it is used, settled and done with: a client that leaves answers
//     unread gets no credit, and so keeps no more work and memory here than Options.Credit
//     messages a link.
//  8. Transfer frames are put together to messages; one that is malformed is rejected with
//     amqp:decode-error. The message goes to the link's Receive on the reader. Delivery.Settle
//     writes the disposition before it returns, bent by the Settle point, so that an answer
//     comes after it (device-api.md 3.4). Delivery.Go runs what may block.
//  9. Sender.Send waits for the link's credit and the session's window, and writes frames no
//     larger than the client's max-frame-size, bent by the Outgoing point. Sent.Outcome waits
//     for what the client makes of it.
//  10. Links end by a detach of either side, sessions by an end, connections by a close; each
//     is answered. Link.Detach, Conn.Close and Server.Drop are the server's ways. After the
//     server's close a client gets Timeouts.Linger to answer it.
//
// One goroutine reads and calls the Handler; it never waits for credit. Writes come from any
// goroutine, one frame a Write under one mutex, each with a deadline. A client that does not
// read is closed when a write has taken too long.
package amqpserver
