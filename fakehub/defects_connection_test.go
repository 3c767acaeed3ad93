package fakehub_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

var connectionProbes = map[string]func(h *hub) string{
	"hub-requires-client-certificate": func(h *hub) string {
		address := net.JoinHostPort(h.Address(), strconv.Itoa(h.door.Ports().MQTTS))
		conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots(), ServerName: h.Host(), MaxVersion: tls.VersionTLS12})
		if err == nil {
			conn.Close()
		}
		return fmt.Sprint(err == nil)
	},
	"hub-wants-api-version-first": func(h *hub) string {
		return connack(h, device{id: "d1", username: h.Host() + "/d1/?DeviceClientType=x&api-version=2020-09-30"})
	},
	"hub-wants-question-mark": func(h *hub) string {
		return connack(h, device{id: "d1", username: h.Host() + "/d1/api-version=2020-09-30"})
	},
	"hub-splits-at-semicolons": func(h *hub) string {
		return connack(h, device{id: "d1", username: h.Host() + "/d1/?api-version=2020-09-30&model-id=dtmi:x;1"})
	},
	"hub-encodes-resource-itself": func(h *hub) string {
		sr, se := strings.ReplaceAll(h.Host()+"/devices/d1", "/", "%2f"), strconv.FormatInt(h.Clock().Now().Add(time.Hour).Unix(), 10)
		mac := hmac.New(sha256.New, primary)
		mac.Write([]byte(sr + "\n" + se))
		sig := url.QueryEscape(base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		return connack(h, device{id: "d1", password: "SharedAccessSignature sr=" + sr + "&sig=" + sig + "&se=" + se})
	},
	"hub-token-in-order":           func(h *hub) string { return connack(h, device{id: "d1", password: tokenOf(h, "d1")}) },
	"hub-ignores-secondary-key":    func(h *hub) string { return connack(h, device{id: "d1", key: secondary}) },
	"hub-accepts-any-key":          func(h *hub) string { return connack(h, device{id: "d1", key: []byte("any")}) },
	"hub-accepts-token-of-another": func(h *hub) string { return connack(h, device{id: "d1", password: tokenOf(h, "d2")}) },
	"hub-accepts-expired-token":    func(h *hub) string { return connack(h, device{id: "d1", life: -time.Hour}) },
	"hub-ignores-thumbprint": func(h *hub) string {
		mine, other := selfSigned(h.t, "x"), selfSigned(h.t, "x")
		print := sha1.Sum(mine.Certificate[0])
		h.must("PUT", "/devices/x", `{"authentication":{"type":"selfSigned","x509Thumbprint":{"primaryThumbprint":"`+hex.EncodeToString(print[:])+`"}}}`)
		return connack(h, device{id: "x", certificate: &other})
	},
	"hub-refuses-with-connack-4": func(h *hub) string { return connack(h, device{id: "nobody"}) },
	"hub-forgets-expiry": func(h *hub) string {
		return survives(h, func() { h.Clock().Advance(2 * time.Hour) })
	},
	"hub-keeps-revoked-device": func(h *hub) string {
		return survives(h, func() { h.must("DELETE", "/devices/d1", "") })
	},
	"hub-loses-subscriptions": func(h *hub) string {
		c := h.online(device{id: "d1", persistent: true})
		c.subscribe(1, methods)
		c.disconnect()
		c = h.online(device{id: "d1", persistent: true})
		go func() { // answers the call, when it comes
			if p, err := c.read(); err == nil {
				topic := strings.Replace(p.(*packets.PublishPacket).TopicName, "POST/m/", "res/200/", 1)
				_ = publishPacket(topic, "").Write(c.conn)
			}
		}()
		status, _ := h.rest("POST", "/twins/d1/methods", `{"methodName":"m"}`)
		return fmt.Sprint(status)
	},
	"hub-same-device-twice": func(h *hub) string {
		older := h.online(device{id: "d1"})
		h.online(device{id: "d1"}).ping()
		if packets.NewControlPacket(packets.Pingreq).Write(older.conn) != nil {
			return "closed"
		}
		_, err := older.read()
		return fmt.Sprint(err == nil)
	},
	"hub-ignores-clean-session": func(h *hub) string {
		c := h.online(device{id: "d1", persistent: true})
		c.subscribe(0, twinAnswers)
		c.disconnect()
		_, ack := h.dial(device{id: "d1"})
		return fmt.Sprint(ack.SessionPresent)
	},
	"hub-no-pingresp": func(h *hub) string {
		c := h.online(device{id: "d1"})
		c.send(packets.NewControlPacket(packets.Pingreq))
		c.send(publishAt(1, "devices/d1/messages/events/", ""))
		return fmt.Sprintf("%T", c.packet())
	},
	"hub-no-unsuback": func(h *hub) string {
		c := h.online(device{id: "d1"})
		p := packets.NewControlPacket(packets.Unsubscribe).(*packets.UnsubscribePacket)
		p.MessageID, p.Topics = 7, []string{twinAnswers}
		c.send(p)
		c.send(packets.NewControlPacket(packets.Pingreq))
		return fmt.Sprintf("%T", c.packet())
	},
	"hub-subprotocol-lowered": func(h *hub) string {
		ws, _, err := websocket.Dial(h.t.Context(), "wss://"+h.Host()+"/", &websocket.DialOptions{HTTPClient: h.http, Subprotocols: []string{"MQTT"}})
		if err != nil {
			h.t.Fatal(err)
		}
		ws.CloseNow()
		return ws.Subprotocol()
	},
}

func tokenOf(h *hub, id string) string { return reordered(h, id, h.Clock().Now().Add(time.Hour)) }

func connack(h *hub, d device) string {
	h.t.Helper()
	_, ack := h.dial(d)
	return fmt.Sprint(ack.ReturnCode)
}

// survives tells whether a connection outlives an event: it pings until the hub ends it, or
// has acted on the event and leaves it open.
func survives(h *hub, event func()) string {
	h.t.Helper()
	c := h.online(device{id: "d1", life: time.Hour})
	c.ping()
	event()
	since := 0 // pings since the defect acted
	for range 100_000 {
		if packets.NewControlPacket(packets.Pingreq).Write(c.conn) != nil {
			return "closed"
		}
		if _, err := c.read(); err != nil {
			return "closed"
		}
		if armed := h.Points().List(); len(armed) > 0 && armed[0].Fired > 0 {
			if since++; since == 20 {
				return "open"
			}
		}
	}
	h.t.Fatal("nothing happens")
	return ""
}
