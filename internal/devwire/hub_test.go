package devwire_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/vectors"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

func testHubDevice(t *testing.T, script func(p *peer)) *devwire.HubDevice {
	t.Helper()
	lab := newLab(t)
	v := vectors.All().Hub
	port := peers(t, lab, dps.MQTT, func(p *peer) {
		connect, ok := p.login(v.TwinResponseFilter, v.DesiredFilter)
		if !ok {
			return
		}
		if connect.ClientIdentifier != v.ClientID || connect.Username != v.Username ||
			!strings.HasPrefix(string(connect.Password), "SharedAccessSignature sr="+v.SASResource+"&sig=") {
			t.Errorf("CONNECT %s", connect)
		}
		script(p)
	})
	device, err := lab.wire().HubDevice(soon(t), dps.MQTT, endpoint(v.Host, port), devwire.HubIdentity{DeviceID: v.DeviceID, Key: []byte("k")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { device.Close() })
	return device
}

func TestTelemetry(t *testing.T) {
	v := vectors.All().Hub.Telemetry
	device := testHubDevice(t, func(p *peer) {
		if m, ok := p.request(v.Topic); ok && string(m.Payload) != "hello" {
			t.Errorf("sent %q", m.Payload)
		}
		p.request("devices/d1/messages/events/")
		p.goodbye()
	})
	if err := device.SendTelemetry(soon(t), []byte("hello"), v.Properties); err != nil {
		t.Error(err)
	}
	if err := device.SendTelemetry(soon(t), nil, nil); err != nil {
		t.Error(err)
	}
	device.Close()
}

func TestTwin(t *testing.T) {
	v := vectors.All().Hub
	device := testHubDevice(t, func(p *peer) {
		p.request(v.TwinGet.Topic)
		p.publish(v.TwinResult.Topic, `{"desired":{"interval":30,"$version":4},"reported":{"fw":"1.2","$version":9}}`)
		if m, ok := p.request(v.Report.Topic); ok && string(m.Payload) != `{"fw":"1.3"}` {
			t.Errorf("reported %s", m.Payload)
		}
		p.publish(v.ReportResult.Topic, "")
		p.request(devwire.ReportTopic("3"))
		p.publish("$iothub/twin/res/400/?$rid=3", `{"errorCode":400004,"message":"invalid json"}`)
		p.goodbye()
	})
	twin, err := device.Twin(soon(t))
	if err != nil || twin.DesiredVersion != 4 || twin.ReportedVersion != 9 || string(twin.Desired) != `{"interval":30,"$version":4}` {
		t.Errorf("%+v, %v", twin, err)
	}
	version, err := device.Report(soon(t), map[string]any{"fw": "1.3"})
	if err != nil || version != v.ReportResult.Version {
		t.Errorf("version %d, %v", version, err)
	}
	_, err = device.Report(soon(t), map[string]any{})
	var refused *devwire.HubError
	if !errors.As(err, &refused) || refused.Status != 400 || refused.Document.ErrorCode != 400004 {
		t.Errorf("got %v", err)
	}
	device.Close()
}

func TestTwinAnswersThatAreMalformed(t *testing.T) {
	for name, tc := range map[string]struct {
		topic, body string
		report      bool
	}{
		"no version in desired":  {topic: "$iothub/twin/res/200/?$rid=1", body: `{"desired":{},"reported":{"$version":1}}`},
		"no reported":            {topic: "$iothub/twin/res/200/?$rid=1", body: `{"desired":{"$version":1}}`},
		"no json":                {topic: "$iothub/twin/res/200/?$rid=1", body: ``},
		"204 for a get":          {topic: "$iothub/twin/res/204/?$rid=1&$version=2"},
		"a status of two digits": {topic: "$iothub/twin/res/20/?$rid=1"},
		"a version of no number": {topic: "$iothub/twin/res/200/?$rid=1&$version=x"},
		"another topic":          {topic: "$dps/registrations/res/200/?$rid=1"},
		"200 for a report":       {topic: "$iothub/twin/res/200/?$rid=1&$version=2", report: true},
		"no version of a report": {topic: "$iothub/twin/res/204/?$rid=1", report: true},
	} {
		t.Run(name, func(t *testing.T) {
			device := testHubDevice(t, func(p *peer) {
				hear[*packets.PublishPacket](p)
				p.publish(tc.topic, tc.body)
				p.goodbye()
			})
			var err error
			if tc.report {
				_, err = device.Report(soon(t), map[string]any{})
			} else {
				_, err = device.Twin(soon(t))
			}
			var malformed *devwire.Malformed
			if !errors.As(err, &malformed) {
				t.Errorf("got %v", err)
			}
			device.Close()
		})
	}
}

func TestDesiredPatchesComeInOrderAndTheNewestStay(t *testing.T) {
	const sent = 100
	v := vectors.All().Hub
	device := testHubDevice(t, func(p *peer) {
		for i := range sent {
			p.publish(v.Desired.Topic, fmt.Sprintf(`{"$version":%d}`, i))
		}
		p.request(v.TwinGet.Topic) // answered after all patches were heard
		p.publish(v.TwinResult.Topic, `{"desired":{"$version":1},"reported":{"$version":1}}`)
		p.goodbye()
	})
	if _, err := device.Twin(soon(t)); err != nil {
		t.Fatal(err)
	}
	var got []int
	for len(device.Desired()) > 0 {
		var patch struct {
			Version int `json:"$version"`
		}
		if err := json.Unmarshal(<-device.Desired(), &patch); err != nil {
			t.Fatal(err)
		}
		got = append(got, patch.Version)
	}
	if len(got) != 64 || !slices.IsSorted(got) || got[63] != sent-1 {
		t.Errorf("got %v", got)
	}
	device.Close()
}

func TestMethods(t *testing.T) {
	v := vectors.All().Hub
	answered := make(chan *packets.PublishPacket, 2)
	device := testHubDevice(t, func(p *peer) {
		if s, ok := hear[*packets.SubscribePacket](p); ok {
			if s.Topics[0] != v.MethodFilter {
				t.Errorf("subscribed to %s", s.Topics[0])
			}
			p.suback(s.MessageID, 1)
		}
		for _, topic := range []string{"$iothub/methods/POST/broken", v.Method.Topic} { // the first cannot be answered
			p.publish(topic, `{"in":5}`)
		}
		m, _ := p.request(v.MethodResult.Topic)
		answered <- m
		p.publish("$iothub/methods/POST/quiet/?$rid=b2", ``)
		m, _ = p.request("$iothub/methods/res/-3/?$rid=b2")
		answered <- m
		p.goodbye()
	})
	err := device.HandleMethods(func(name string, payload json.RawMessage) (int, any) {
		if name == "quiet" {
			return -3, nil
		}
		return 200, map[string]any{"name": name, "payload": payload}
	})
	if err != nil {
		t.Fatal(err)
	}
	if m := <-answered; m != nil && string(m.Payload) != `{"name":"reboot","payload":{"in":5}}` {
		t.Errorf("answered %s", m.Payload)
	}
	if m := <-answered; m != nil && len(m.Payload) != 0 {
		t.Errorf("answered %s", m.Payload)
	}
	device.Close()
	<-device.Lost()
}

func FuzzParseTwin(f *testing.F) {
	f.Add([]byte(`{"desired":{"interval":30,"$version":4},"reported":{"fw":"1.2","$version":9}}`))
	f.Add([]byte(`{"desired":null,"reported":{"$version":"9"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		twin, err := devwire.ParseTwin(body)
		if err == nil && (twin.DesiredVersion == 0 || twin.ReportedVersion == 0) {
			t.Fatalf("taken without versions: %q", body)
		}
	})
}

func FuzzHubTopics(f *testing.F) {
	v := vectors.All().Hub
	for _, topic := range []string{v.TwinResult.Topic, v.ReportResult.Topic, v.Method.Topic, v.Desired.Topic, "$iothub/methods/POST//?$rid="} {
		f.Add(topic)
	}
	f.Fuzz(func(t *testing.T, topic string) {
		if status, _, _, err := devwire.ParseTwinTopic(topic); err == nil && (status < 0 || status > 999) {
			t.Fatalf("%q was read as status %d", topic, status)
		}
		if name, rid, ok := devwire.ParseMethodTopic(topic); ok && (name == "" || rid == "") {
			t.Fatalf("%q was read as a method", topic)
		}
	})
}
