package frontdoor_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/point"
)

// A plan may let in what offers no known subprotocol: as MQTT, where a host has that.
func TestUpgradePointLetsAnUnknownSubprotocolIn(t *testing.T) {
	for rule, served := range map[string]bool{"MQTT is served": true, "MQTT is not served": false} {
		t.Run(rule, func(t *testing.T) {
			d := open(t, frontdoor.Options{})
			h := host(t, hubName)
			if !served {
				h.MQTT = nil
			}
			add(t, d, h)
			arm(t, h, frontdoor.Upgrade.Plan(func(_ point.Call, u *frontdoor.UpgradeReply) { u.Refuse = false }))
			ws, _, err := socket(t, d, "/", client(hubName), nil, "soap")
			if (err == nil) != served {
				t.Fatalf("upgrade: %v", err)
			}
			if !served {
				return
			}
			if _, text, err := ws.Read(t.Context()); err != nil || string(text) != "mqtt "+hubName+"\n" {
				t.Errorf("read %q, %v", text, err)
			}
		})
	}
}

func TestUpgradePointKeepsPongsBack(t *testing.T) {
	d := open(t, frontdoor.Options{})
	h := add(t, d, host(t, hubName))
	arm(t, h, frontdoor.Upgrade.Plan(func(_ point.Call, u *frontdoor.UpgradeReply) { u.NoPong = true }))
	ws, _, err := socket(t, d, "/", client(hubName), nil, "mqtt")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := ws.Read(t.Context()); err != nil { // the host's greeting
		t.Fatal(err)
	}
	reading := ws.CloseRead(t.Context())
	ctx, cancel := context.WithDeadline(reading, clock.SocketDeadline(100*time.Millisecond))
	defer cancel()
	if err := ws.Ping(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ping: %v", err)
	}
}

func TestUpgradePointReplacesTheStream(t *testing.T) {
	d := open(t, frontdoor.Options{})
	h := add(t, d, host(t, hubName))
	arm(t, h, frontdoor.Upgrade.Plan(func(_ point.Call, u *frontdoor.UpgradeReply) {
		u.Stream = func(ctx context.Context, ws *websocket.Conn) net.Conn {
			return websocket.NetConn(ctx, ws, websocket.MessageText)
		}
	}))
	ws, _, err := socket(t, d, "/", client(hubName), nil, "mqtt")
	if err != nil {
		t.Fatal(err)
	}
	if kind, _, err := ws.Read(t.Context()); err != nil || kind != websocket.MessageText {
		t.Errorf("read %v, %v", kind, err)
	}
}
