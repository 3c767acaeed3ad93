package hub

import (
	"context"
	"encoding/json"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/eclipse/paho.mqtt.golang/packets"
	. "github.com/onsi/gomega"
)

// session is a device's connection to its hub, logged in.
type session struct {
	*harness.Packets
	t      *harness.T
	device *harness.HubDevice
}

// open connects a new device of a new hub with clean session.
func open(ctx context.Context, env *harness.Env, t *harness.T) session {
	return openAs(ctx, t, env.Hub(ctx, t).Device(ctx, t))
}

func openAs(ctx context.Context, t *harness.T, d *harness.HubDevice) session {
	return session{Packets: d.Session(ctx, t), t: t, device: d}
}

// kept connects the device without clean session.
func kept(ctx context.Context, t *harness.T, d *harness.HubDevice) session {
	s := session{Packets: d.Packets(ctx, t), t: t, device: d}
	t.Given(d.DeviceID+" is connected without clean session", func() {
		c := d.ConnectPacket()
		c.CleanSession = false
		t.Expect(s.Login(ctx, c).ReturnCode).To(BeEquivalentTo(packets.Accepted))
	})
	return s
}

// subscribed subscribes to filters at QoS 1, as a step on the way to something else.
func (s session) subscribed(ctx context.Context, filters ...string) session {
	s.t.Given("the device is subscribed", func() {
		for _, filter := range filters {
			s.t.Expect(s.Subscribe(ctx, filter, 1)).To(BeNumerically("<=", 1), "SUBACK for %s", filter)
		}
	})
	return s
}

// expectAlive asserts that the connection serves, and that nothing waits unread on it.
func (s session) expectAlive(ctx context.Context) {
	s.Write(packets.NewControlPacket(packets.Pingreq))
	s.t.Expect(s.Next(ctx)).To(BeAssignableToTypeOf(&packets.PingrespPacket{}), "the answer to PINGREQ has to come next")
}

// acknowledged reads the PUBACK of a publish at QoS 1, which has to come next.
func (s session) acknowledged(ctx context.Context, m *packets.PublishPacket) {
	s.t.Expect(harness.Read[*packets.PubackPacket](ctx, s.Packets).MessageID).To(Equal(m.MessageID))
}

// disconnect ends the session as a client does.
func (s session) disconnect() {
	s.Write(packets.NewControlPacket(packets.Disconnect))
	s.Close()
}

// getTwin asks for the twin at QoS 0 and returns the answer.
func (s session) getTwin(ctx context.Context, payload string) *packets.PublishPacket {
	s.Publish(devwire.TwinGetTopic("4711"), 0, []byte(payload))
	return s.Answer(ctx)
}

// report patches the reported properties at QoS 0 and returns the answer.
func (s session) report(ctx context.Context, patch string) *packets.PublishPacket {
	s.Publish(devwire.ReportTopic("4712"), 0, []byte(patch))
	return s.Answer(ctx)
}

// desire patches the desired properties as a service client, and returns their version.
func (s session) desire(ctx context.Context, desired harness.Members) (version any) {
	var twin harness.Members
	s.t.Given("a service client changes the desired properties", func() {
		answer := s.device.Hub.Patch(ctx, s.t, harness.TwinPath(s.device.DeviceID), harness.Members{"properties": harness.Members{"desired": desired}})
		s.t.Expect(answer.Status).To(BeNumerically("<", 300))
		twin = document(s.t, answer)
	})
	return member(twin, "properties", "desired", "$version")
}

// object reads the JSON object that a packet carries.
func object(t *harness.T, m *packets.PublishPacket) (o harness.Members) {
	t.Answered(json.Unmarshal(m.Payload, &o), "read the JSON on "+m.TopicName)
	return o
}

// document reads the JSON object of an answer to a service client.
func document(t *harness.T, answer devwire.HTTPResponse) harness.Members {
	o, err := answer.JSON()
	t.Answered(err, "read the answer's JSON")
	return o
}

// member follows names into a JSON object; nil when one of them is missing.
func member(o harness.Members, names ...string) any {
	var value any = o
	for _, name := range names {
		below, _ := value.(map[string]any)
		value = below[name]
	}
	return value
}
