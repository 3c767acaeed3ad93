package strict_test

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/vectors"
	"github.com/dpslab/dpslab/suites/strict"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// The rows of device-api.md 2.2.
func TestConnectIsTheSDKs(t *testing.T) {
	for _, c := range []struct {
		sdk       strict.SDK
		tail      string
		clean     bool
		keepAlive uint16
	}{
		{strict.C, "api-version=2021-06-01&ClientVersion=1.15.0", true, 0},
		{strict.CSharp, "api-version=2019-03-31&ClientVersion=Microsoft.Azure.Devices.Provisioning.Client%2F1.19.4%20%28.NET%208.0.0%3B%20Linux%206.1%3B%20X64%29", true, 0},
		{strict.Java, "api-version=2019-03-31&ClientVersion=2019-03-31", false, 230},
		{strict.Node, "api-version=2019-03-31&ClientVersion=azure-iot-provisioning-device%2F1.9.3", true, 180},
		{strict.Python, "api-version=2019-03-31&ClientVersion=azure-iot-device-provisioning-py%2F2.14.0%28python%203.11.2%3BLinux%3Bx86_64%29", false, 60},
		{strict.EmbeddedC, "api-version=2019-03-31&ClientVersion=azsdk-c/1.6.0 (linux; x86)", false, 240},
		{strict.FreeRTOS, "api-version=2019-03-31", true, 240},
	} {
		got := c.sdk.Connect(device())
		if got.Username != "0ne00DEMO01/registrations/dev-01/"+c.tail || got.ClientIdentifier != "dev-01" || got.CleanSession != c.clean ||
			got.Keepalive != c.keepAlive || got.WillFlag || got.ProtocolVersion != 4 || !got.PasswordFlag {
			t.Errorf("%s: %v", c.sdk.Name, got)
		}
		d := device()
		d.Identity.Key = nil
		if got := c.sdk.Connect(d); got.PasswordFlag || len(got.Password) != 0 {
			t.Errorf("%s sends a password without a key: %v", c.sdk.Name, got)
		}
	}
}

// The tokens of the dossier, at the moment at which they expire in their SDK's own time.
func TestTokenIsTheSDKs(t *testing.T) {
	seen := 0
	for source, of := range map[string]struct {
		sdk  strict.SDK
		life time.Duration
	}{
		"device-api.md 2.3, C":                                                      {strict.C, 2400 * time.Second},
		"device-api.md 2.3, C#":                                                     {strict.CSharp, 24 * time.Hour},
		"device-api.md 2.3, Java: raw resource, empty skn":                          {strict.Java, time.Hour},
		"device-api.md 2.3, Python: no skn":                                         {strict.Python, time.Hour},
		"device-api.md 2.3, Node with a symmetric key: raw resource, skn before se": {strict.Node, time.Hour},
	} {
		for _, v := range vectors.All().SASTokens {
			if v.Source != source {
				continue
			}
			seen++
			key, err := base64.StdEncoding.DecodeString(v.Key)
			if err != nil {
				t.Fatal(err)
			}
			d := device()
			d.Identity.Key = key
			d.Wire.Clock = clock.Frozen(time.Unix(v.Expiry, 0).Add(-of.life))
			if got := of.sdk.Token(d); got != v.Token {
				t.Errorf("%s:\n got %s\nwant %s", source, got, v.Token)
			}
		}
	}
	if seen != 5 {
		t.Errorf("%d of 5 vectors were found", seen)
	}
}

func TestEscapesInAToken(t *testing.T) {
	d := device()
	d.Identity.RegistrationID = "a:b"
	for _, c := range []struct {
		sdk  strict.SDK
		want string
	}{
		{strict.C, "sr=0ne00DEMO01%2fregistrations%2fa%3ab&"}, {strict.CSharp, "sr=0ne00DEMO01%2Fregistrations%2Fa%3Ab&"},
		{strict.Java, "sr=0ne00DEMO01/registrations/a:b&"}, {strict.Node, "sr=0ne00DEMO01/registrations/a:b&"},
		{strict.Python, "sr=0ne00DEMO01%2Fregistrations%2Fa%3Ab&"}, {strict.EmbeddedC, "sr=0ne00DEMO01%2fregistrations%2fa%3Ab&"},
	} {
		if got := c.sdk.Token(d); !strings.Contains(got, c.want) {
			t.Errorf("%s: the resource is not %s", c.sdk.Name, c.want)
		}
	}
}

// The rows of device-api.md 2.5: what is published, and how.
func TestPublishesAreTheSDKs(t *testing.T) {
	payload := json.RawMessage(`{"model":"x"}`)
	for _, c := range []struct {
		sdk                       strict.SDK
		subscribe, register, poll byte // QoS
		rids                      []string
		body, withPayload, polled string
	}{
		{strict.C, 1, 0, 0, []string{"1", "2"}, `{"registrationId":"dev-01"}`, `{"registrationId":"dev-01","payload":{"model":"x"}}`, `{"registrationId":"dev-01"}`},
		{strict.CSharp, 1, 1, 1, []string{"2", "3"}, ``, `{"payload":{"model":"x"}}`, ``},
		{strict.Java, 1, 0, 0, []string{"1", "2"}, `{"registrationId":"dev-01"}`, `{"registrationId":"dev-01","payload":"{\"model\":\"x\"}"}`, ``},
		{strict.Node, 1, 1, 1, nil, `{"registrationId":"dev-01"}`, `{"registrationId":"dev-01","payload":{"model":"x"}}`, ` `},
		{strict.Python, 1, 1, 1, nil, `{"payload": null, "registrationId": "dev-01"}`, `{"payload": {"model":"x"}, "registrationId": "dev-01"}`, ` `},
		{strict.EmbeddedC, 1, 1, 0, []string{"1", "1"}, ``, `{"registrationId":"dev-01","payload":{"model":"x"}}`, ``},
		{strict.FreeRTOS, 0, 0, 0, []string{"1", "1"}, `{"registrationId":"dev-01"}`, `{"registrationId":"dev-01","payload":{"model":"x"}}`, `{"registrationId":"dev-01"}`},
	} {
		t.Run(c.sdk.Name, func(t *testing.T) {
			for given, body := range map[string]string{"": c.body, string(payload): c.withPayload} {
				d := device()
				if given != "" {
					d.Payload = payload
				}
				p := &peer{reply: service(assigned)}
				if _, err := c.sdk.On(t.Context(), dps.MQTT, d, p); err != nil {
					t.Fatal(err)
				}
				var published []*packets.PublishPacket
				for _, cp := range p.sent {
					switch cp := cp.(type) {
					case *packets.SubscribePacket:
						if cp.Topics[0] != vectors.All().MQTT.ResponseFilter || cp.Qoss[0] != c.subscribe {
							t.Errorf("it subscribes to %v", cp)
						}
					case *packets.PublishPacket:
						published = append(published, cp)
					}
				}
				if len(published) != 2 || published[0].Qos != c.register || published[1].Qos != c.poll ||
					string(published[0].Payload) != body || given == "" && string(published[1].Payload) != c.polled {
					t.Fatalf("published %v", published)
				}
				var rids []string
				for i, v := range vectors.All().MQTT.Requests {
					_, rid, _ := strings.Cut(published[i].TopicName, "$rid=")
					rid, _, _ = strings.Cut(rid, "&")
					rids = append(rids, rid)
					if want := strings.Replace(v.Topic, "$rid="+v.RID, "$rid="+rid, 1); published[i].TopicName != want {
						t.Errorf("the topic of %s is %s, want %s", v.Operation, published[i].TopicName, want)
					}
				}
				if c.rids == nil && (rids[0] == rids[1] || len(rids[0]) != 36) || c.rids != nil && !slices.Equal(rids, c.rids) {
					t.Errorf("its $rid are %q", rids)
				}
			}
		})
	}
}

// Without a key the samples of the embedded client send a document.
func TestTheEmbeddedSampleWithACertificateSendsABody(t *testing.T) {
	d := device()
	d.Identity.Key = nil
	p := &peer{reply: service(assigned)}
	if _, err := strict.EmbeddedC.On(t.Context(), dps.MQTT, d, p); err != nil {
		t.Fatal(err)
	}
	for _, cp := range p.sent {
		if m, ok := cp.(*packets.PublishPacket); ok {
			if string(m.Payload) != `{"registrationId":"dev-01"}` {
				t.Errorf("the body is %q", m.Payload)
			}
			break
		}
	}
}

func TestUpgradesAreTheSDKs(t *testing.T) {
	for _, c := range []struct {
		sdk               strict.SDK
		path, subprotocol string
	}{
		{strict.CSharp, "/", "mqtt"}, {strict.Java, "/mqtt", "mqtt"}, {strict.C, vectors.All().WebSocket.Path, "MQTT"},
		{strict.Node, vectors.All().WebSocket.Path, "mqtt"}, {strict.Python, vectors.All().WebSocket.Path, "mqtt"},
	} {
		path, subprotocol := c.sdk.WebSocket()
		if path != c.path || subprotocol != c.subprotocol || !slices.Contains(vectors.All().WebSocket.MQTTSubprotocols, subprotocol) {
			t.Errorf("%s upgrades at %s with %s", c.sdk.Name, path, subprotocol)
		}
	}
}
