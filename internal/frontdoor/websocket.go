package frontdoor

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/transcript"
)

// The subprotocols, compared case-insensitively: some clients write MQTT (device-api.md 2.9).
const (
	subprotocolMQTT = "mqtt"
	subprotocolAMQP = "AMQPWSB10"
)

// messageLimit bounds one WebSocket message: the largest MQTT packet, which is a payload of
// 256 KiB on a topic of 64 KiB, with room for clients that put several packets in a message.
const messageLimit = 384 << 10

func asksForWebSocket(r *http.Request) bool {
	for _, upgrade := range tokens(r.Header, "Upgrade") {
		if strings.EqualFold(upgrade, "websocket") {
			return true
		}
	}
	return false
}

func tokens(h http.Header, name string) (list []string) {
	for _, value := range h.Values(name) {
		for token := range strings.SplitSeq(value, ",") {
			if token = strings.TrimSpace(token); token != "" {
				list = append(list, token)
			}
		}
	}
	return list
}

// upgrade answers a WebSocket upgrade and serves the stream until it ends.
func (d *Door) upgrade(w http.ResponseWriter, r *http.Request, c *Conn) {
	a := c.arrival
	offered := tokens(r.Header, "Sec-WebSocket-Protocol")
	spelling, protocol, serve := a.host.choose(offered) // [DPS-WS-002]
	known := serve != nil
	reply := UpgradeReply{Path: r.URL.Path, Subprotocol: spelling, Refuse: !known} // [DPS-WS-009]
	Upgrade.Hit(r.Context(), a.host.Points, c.At(StepUpgrade), &reply)
	if !known { // what a plan lets in all the same
		protocol, serve = mqtts, a.host.MQTT
	}
	switch {
	case !known && (reply.Refuse || serve == nil):
		http.Error(w, fmt.Sprintf("no WebSocket subprotocol of %q is served here", offered), http.StatusBadRequest)
		return
	case reply.Refuse:
		http.Error(w, "the upgrade is refused", http.StatusBadRequest)
		return
	}
	// Written here and not negotiated by the library, so that the client's own spelling
	// (and a fault's) is what it reads. [DPS-WS-003]
	if reply.Subprotocol != "" {
		w.Header().Set("Sec-WebSocket-Protocol", reply.Subprotocol)
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		// Origin protects browsers' users from pages of others. A device's SDK is no
		// browser, authenticates inside the stream and may send any Origin or none.
		InsecureSkipVerify: true,
		CompressionMode:    websocket.CompressionDisabled,
		OnPingReceived:     func(context.Context, []byte) bool { return !reply.NoPong },
	})
	if err != nil {
		d.logger.Debug("upgrade failed", "path", r.URL.Path, "error", err)
		return
	}
	c.record.Closed(fmt.Sprintf("upgraded to WebSocket, subprotocol %q", reply.Subprotocol))
	c.Conn, c.record = c.tls, nil // frames are not recorded: what they carry is, below

	// Binary messages out, and nothing else in. [DPS-WS-004] [DPS-WS-007]
	if reply.Stream == nil {
		reply.Stream = func(ctx context.Context, ws *websocket.Conn) net.Conn {
			return websocket.NetConn(ctx, ws, websocket.MessageBinary)
		}
	}
	stream := webSocketStream{Conn: reply.Stream(a.ctx, ws), raw: a.raw}
	ws.SetReadLimit(messageLimit) // NetConn lifted it
	record := a.host.Log.Open(transcript.Meta{
		Protocol: protocol.recorded(), Service: a.host.name,
		Listener: a.raw.LocalAddr().String(), Peer: a.raw.RemoteAddr().String(),
	})
	record.Note(fmt.Sprintf("WebSocket on path %q, subprotocol %q; %s", r.URL.Path, reply.Subprotocol, describe(*r.TLS)))
	upgraded := &Conn{Conn: record.Wrap(stream), tls: c.tls, arrival: a, record: record, webSocket: true}
	defer upgraded.Close()
	if a.handOn(upgraded) {
		serve(withConn(a.ctx, upgraded), upgraded)
	}
}

// webSocketStream bounds the closing handshake, for which the library waits five seconds.
type webSocketStream struct {
	net.Conn
	raw net.Conn
}

// closeTimeout is what a client gets to answer a close frame.
const closeTimeout = time.Second

func (s webSocketStream) Close() error {
	s.raw.SetDeadline(clock.SocketDeadline(closeTimeout))
	return s.Conn.Close()
}

// choose picks the first offered subprotocol that the host serves, as the client spelt it.
func (h *hosted) choose(offered []string) (spelling string, p protocol, serve func(context.Context, *Conn)) {
	for _, one := range offered {
		switch {
		case strings.EqualFold(one, subprotocolMQTT) && h.MQTT != nil:
			return one, mqtts, h.MQTT
		case strings.EqualFold(one, subprotocolAMQP) && h.AMQP != nil:
			return one, amqps, h.AMQP
		}
	}
	return "", 0, nil
}
