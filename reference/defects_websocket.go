package reference

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"

	"github.com/coder/websocket"

	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/point"
)

func onUpgrade(change func(*frontdoor.UpgradeReply)) func(point.Args) ([]point.Plan, error) {
	return point.Always(frontdoor.Upgrade.Plan(func(_ point.Call, u *frontdoor.UpgradeReply) { change(u) }))
}

// onMessages changes each WebSocket message before MQTT is read from it. An error ends the
// connection.
func onMessages(bend func(message []byte) ([]byte, error)) func(point.Args) ([]point.Plan, error) {
	return onUpgrade(func(u *frontdoor.UpgradeReply) {
		u.Stream = func(ctx context.Context, ws *websocket.Conn) net.Conn {
			return &messages{Conn: websocket.NetConn(ctx, ws, websocket.MessageBinary), ctx: ctx, ws: ws, bend: bend}
		}
	})
}

// messages is a WebSocket that is read message by message, of whichever kind, and written
// as ever.
type messages struct {
	net.Conn
	ctx  context.Context
	ws   *websocket.Conn
	bend func([]byte) ([]byte, error)
	rest []byte
}

func (m *messages) Read(b []byte) (int, error) {
	for len(m.rest) == 0 {
		_, message, err := m.ws.Read(m.ctx)
		if err == nil {
			message, err = m.bend(message)
		}
		if err != nil {
			return 0, err
		}
		m.rest = message
	}
	n := copy(b, m.rest)
	m.rest = m.rest[n:]
	return n, nil
}

// packetEnd is where the first MQTT packet of a message ends, beyond the message when the
// packet goes on in the next.
func packetEnd(message []byte) int {
	length := 0
	for i, b := range message[1:] {
		length |= int(b&0x7f) << (7 * i)
		if b&0x80 == 0 {
			return 2 + i + length
		}
	}
	return len(message) + 1
}

// frameEnd is where the first AMQP frame or protocol header of a message ends, likewise.
func frameEnd(message []byte) int {
	switch {
	case len(message) < 8:
		return len(message) + 1
	case string(message[:4]) == "AMQP":
		return 8
	}
	return int(binary.BigEndian.Uint32(message))
}

// firstOnly takes what ends there of each message, and forgets the rest.
func firstOnly(end func(message []byte) int) func([]byte) ([]byte, error) {
	return func(message []byte) ([]byte, error) {
		if len(message) == 0 {
			return message, nil
		}
		return message[:min(len(message), end(message))], nil
	}
}

// wholeOnly ends the connection on a message that does not hold all of what ends there.
func wholeOnly(end func(message []byte) int) func([]byte) ([]byte, error) {
	return func(message []byte) ([]byte, error) {
		if len(message) == 0 || end(message) > len(message) {
			return nil, io.ErrUnexpectedEOF
		}
		return message, nil
	}
}

// webSocketDefects are wrong upgrades and wrong frames.
var webSocketDefects = point.Catalogue{{
	ID: "ws-subprotocol-lowered", Summary: "echoes the subprotocol in lower case",
	Catches: []string{"DPS-WS-003", "DPS-MQTT-061", "DPS-AMQP-059"},
	Build:   onUpgrade(func(u *frontdoor.UpgradeReply) { u.Subprotocol = strings.ToLower(u.Subprotocol) }),
}, {
	ID: "ws-by-path", Summary: "upgrades at /$iothub/websocket alone",
	Catches: []string{"DPS-WS-002", "DPS-MQTT-057", "DPS-AMQP-058", "DPS-AMQP-062"},
	Build: onUpgrade(func(u *frontdoor.UpgradeReply) {
		u.Refuse = u.Refuse || u.Path != "/$iothub/websocket"
	}),
}, {
	ID: "ws-refused", Summary: "refuses every upgrade",
	Catches: []string{"DPS-WS-001", "DPS-WS-003", "DPS-AMQP-057"},
	Build:   onUpgrade(func(u *frontdoor.UpgradeReply) { u.Refuse = true }),
}, {
	ID: "ws-no-subprotocol", Summary: "upgrades without echoing a subprotocol",
	Catches: []string{"DPS-WS-001", "DPS-WS-003", "DPS-AMQP-059"},
	Build:   onUpgrade(func(u *frontdoor.UpgradeReply) { u.Subprotocol = "" }),
}, {
	ID: "ws-any-subprotocol", Summary: "speaks mqtt whatever subprotocol was offered",
	Catches: []string{"DPS-WS-009"},
	Build:   onUpgrade(func(u *frontdoor.UpgradeReply) { u.Refuse = false }),
}, {
	ID: "ws-text-frames", Summary: "sends MQTT in text frames",
	Catches: []string{"DPS-WS-004", "DPS-AMQP-060"},
	Build: onUpgrade(func(u *frontdoor.UpgradeReply) {
		u.Stream = func(ctx context.Context, ws *websocket.Conn) net.Conn {
			return &messages{
				Conn: websocket.NetConn(ctx, ws, websocket.MessageText), ctx: ctx, ws: ws,
				bend: func(message []byte) ([]byte, error) { return message, nil },
			}
		}
	}),
}, {
	ID: "ws-text-frames-taken", Summary: "reads MQTT from text frames too",
	Catches: []string{"DPS-WS-007"},
	Build:   onMessages(func(message []byte) ([]byte, error) { return message, nil }),
}, {
	ID: "ws-split-packet-refused", Summary: "ends the connection on a message without a whole packet",
	Catches: []string{"DPS-WS-005"},
	Build:   onMessages(wholeOnly(packetEnd)),
}, {
	ID: "ws-first-packet-only", Summary: "reads one packet from each message",
	Catches: []string{"DPS-WS-006"},
	Build:   onMessages(firstOnly(packetEnd)),
}, {
	ID: "ws-split-frame-refused", Summary: "ends the connection on a message without a whole frame of AMQP",
	Catches: []string{"DPS-AMQP-061"},
	Build:   onMessages(wholeOnly(frameEnd)),
}, {
	ID: "ws-first-frame-only", Summary: "reads one frame of AMQP from each message",
	Catches: []string{"DPS-AMQP-061", "DPS-AMQP-017"},
	Build:   onMessages(firstOnly(frameEnd)),
}, {
	ID: "ws-no-pong", Summary: "does not answer pings",
	Catches: []string{"DPS-WS-008"},
	Build:   onUpgrade(func(u *frontdoor.UpgradeReply) { u.NoPong = true }),
}}
