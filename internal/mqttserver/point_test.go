package mqttserver_test

import (
	"slices"
	"testing"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/mqttserver"
	"github.com/dpslab/dpslab/internal/point"
)

// bent is a server with a plan armed for dev-01 at one step, as a fault is.
func bent(t *testing.T, h mqttserver.Handler, step string, plan point.Plan) *mqttserver.Server {
	t.Helper()
	set := point.NewSet(clock.System())
	if _, err := set.Arm(point.Entry{ID: "test-fault", Build: point.Always(plan)},
		point.Address{Registration: "DEV-01", Listener: "127.0.0.1", Step: step}, nil); err != nil {
		t.Fatal(err)
	}
	return mqttserver.New(h, mqttserver.Options{Points: set})
}

func TestConnackPoint(t *testing.T) {
	t.Run("refuses an accepted session, which is Closed without will", func(t *testing.T) {
		var ended endings
		srv := bent(t, &handler{closed: ended.closed}, mqttserver.StepConnect,
			mqttserver.Connack.Plan(func(_ point.Call, r *mqttserver.ConnackReply) { r.Code = 3 }))
		p := serve(t, srv)
		p.send(withWill("dev-01"))
		p.connack(3)
		p.ends()
		if all := ended.all(); len(all) != 1 || all[0].will != nil {
			t.Errorf("ended as %+v", all)
		}
		connected(t, srv, "dev-02").ping()
	})
	t.Run("accepts a refused one", func(t *testing.T) {
		srv := bent(t, &handler{connect: func(*mqttserver.Session, mqttserver.Connect) mqttserver.Accept {
			return mqttserver.Accept{Code: mqttserver.NotAuthorized}
		}}, mqttserver.StepConnect, mqttserver.Connack.Plan(func(_ point.Call, r *mqttserver.ConnackReply) { r.Code = 0 }))
		connected(t, srv, "dev-01").ping()
	})
	t.Run("answers another protocol level otherwise", func(t *testing.T) {
		set := point.NewSet(clock.System())
		if _, err := set.Arm(point.Entry{ID: "test-fault", Build: point.Always(
			mqttserver.Connack.Plan(func(_ point.Call, r *mqttserver.ConnackReply) { r.Code++ }),
		)}, point.Address{}, nil); err != nil {
			t.Fatal(err)
		}
		p := serve(t, mqttserver.New(&handler{}, mqttserver.Options{Points: set}))
		c := connect("dev-01")
		c.ProtocolVersion = 5
		p.send(c)
		p.connack(2)
		p.ends()
	})
	t.Run("claims a session", func(t *testing.T) {
		p := serve(t, bent(t, &handler{}, mqttserver.StepConnect,
			mqttserver.Connack.Plan(func(_ point.Call, r *mqttserver.ConnackReply) { r.SessionPresent = true })))
		p.send(connect("dev-01"))
		if !p.connack(0).SessionPresent {
			t.Error("not claimed")
		}
	})
}

func TestSubackPoint(t *testing.T) {
	heard := make(chan string, 1)
	h := &handler{subscribed: func(_ *mqttserver.Session, filter string, _ byte) { heard <- filter }}
	t.Run("sends other codes", func(t *testing.T) {
		p := connected(t, bent(t, h, mqttserver.StepSubscribe,
			mqttserver.Suback.Plan(func(_ point.Call, r *mqttserver.SubackReply) { r.Codes[0] = 2 })), "dev-01")
		p.send(subscribe(1, 2, "a"))
		if ack := next[*packets.SubackPacket](p); !slices.Equal(ack.ReturnCodes, []byte{2}) {
			t.Errorf("got %v", ack)
		}
		within(t, "Subscribed", heard)
	})
	t.Run("sends none", func(t *testing.T) {
		p := connected(t, bent(t, h, mqttserver.StepSubscribe,
			mqttserver.Suback.Plan(func(_ point.Call, r *mqttserver.SubackReply) { r.Drop = true })), "dev-01")
		p.send(subscribe(1, 1, "a"))
		p.ping()
		if len(heard) != 0 {
			t.Error("Subscribed was called without a SUBACK")
		}
	})
}

func TestPubackPoint(t *testing.T) {
	t.Run("sends none", func(t *testing.T) {
		p := connected(t, bent(t, answering(1), mqttserver.StepPublish,
			mqttserver.Puback.Plan(func(_ point.Call, r *mqttserver.PubackReply) { r.Drop = r.Topic == "t" })), "dev-01")
		p.send(publish("t", 1, 1, ""))
		next[*packets.PublishPacket](p)
		p.send(publish("other", 1, 2, ""))
		next[*packets.PubackPacket](p)
		next[*packets.PublishPacket](p)
		p.ping()
	})
	t.Run("sends it after the answer", func(t *testing.T) {
		p := connected(t, bent(t, answering(1), mqttserver.StepPublish,
			mqttserver.Puback.Plan(func(_ point.Call, r *mqttserver.PubackReply) { r.AfterAnswer = true })), "dev-01")
		for id := range uint16(3) {
			p.send(publish("t", 1, id+1, ""))
			next[*packets.PublishPacket](p)
			if ack := next[*packets.PubackPacket](p); ack.MessageID != id+1 {
				t.Errorf("PUBACK of %d", ack.MessageID)
			}
			p.ping()
		}
	})
}

func TestOutgoingPoint(t *testing.T) {
	t.Run("sends another message", func(t *testing.T) {
		p := connected(t, bent(t, answering(0), mqttserver.StepDeliver,
			mqttserver.Outgoing.Plan(func(_ point.Call, o *mqttserver.OutgoingPublish) {
				*o = mqttserver.OutgoingPublish{Topic: o.Topic + "!", Payload: append(o.Payload, '!'), QoS: 1, Retain: true, Dup: true}
			})), "dev-01")
		p.send(publish("t", 0, 0, "x"))
		got := next[*packets.PublishPacket](p)
		if got.TopicName != "answer/t!" || string(got.Payload) != "x!" || got.Qos != 1 || got.MessageID == 0 || !got.Retain || !got.Dup {
			t.Errorf("got %v", got)
		}
	})
	t.Run("sends none", func(t *testing.T) {
		p := connected(t, bent(t, answering(1), mqttserver.StepDeliver,
			mqttserver.Outgoing.Plan(func(_ point.Call, o *mqttserver.OutgoingPublish) { o.Drop = true })), "dev-01")
		p.send(publish("t", 0, 0, "x"))
		p.ping()
	})
}

func TestBarePoint(t *testing.T) {
	for step, ask := range map[string]func(p *peer){
		mqttserver.StepPing: func(p *peer) { p.send(packets.NewControlPacket(packets.Pingreq)) },
		mqttserver.StepUnsubscribe: func(p *peer) {
			u := packets.NewControlPacket(packets.Unsubscribe).(*packets.UnsubscribePacket)
			u.MessageID, u.Topics = 1, []string{"a"}
			p.send(u)
		},
	} {
		p := connected(t, bent(t, answering(0), step,
			mqttserver.Bare.Plan(func(_ point.Call, r *mqttserver.BareReply) { r.Drop = true })), "dev-01")
		ask(p)
		p.send(publish("t", 0, 0, "x"))
		next[*packets.PublishPacket](p) // and nothing before it
	}
}

func TestBreachedPoint(t *testing.T) {
	looksAway := func(step string) *mqttserver.Server {
		return bent(t, &handler{}, step, mqttserver.Breached.Plan(func(_ point.Call, b *mqttserver.Breach) { b.Ignore = true }))
	}
	t.Run("looks away from a second CONNECT", func(t *testing.T) {
		p := connected(t, looksAway(mqttserver.StepConnect), "dev-01")
		p.send(connect("dev-01"))
		p.ping()
	})
	t.Run("takes QoS 2 as QoS 1", func(t *testing.T) {
		p := connected(t, looksAway(mqttserver.StepPublish), "dev-01")
		p.send(publish("t", 2, 7, "x"))
		if ack := next[*packets.PubackPacket](p); ack.MessageID != 7 {
			t.Errorf("PUBACK of %d", ack.MessageID)
		}
	})
	t.Run("keeps the older of two sessions", func(t *testing.T) {
		srv := looksAway(mqttserver.StepConnect)
		older := connected(t, srv, "dev-01")
		connected(t, srv, "dev-01").ping()
		older.ping()
	})
}
