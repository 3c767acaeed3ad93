package mqttserver_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/mqttserver"
)

// answering answers every PUBLISH with the same payload, from then.
func answering(qos byte) *handler {
	return &handler{publish: func(ctx context.Context, s *mqttserver.Session, p mqttserver.Publish) (func(), error) {
		return func() { s.Publish(ctx, "answer/"+p.Topic, p.Payload, qos) }, nil
	}}
}

func TestThePubackComesBeforeTheAnswer(t *testing.T) {
	p := connected(t, mqttserver.New(answering(1), mqttserver.Options{}), "dev-01")
	for id := uint16(1); id < 20; id++ {
		p.send(publish("request", 1, id, "hello"))
		if ack := next[*packets.PubackPacket](p); ack.MessageID != id {
			t.Fatalf("PUBACK of %d", ack.MessageID)
		}
		answer := next[*packets.PublishPacket](p)
		if answer.TopicName != "answer/request" || string(answer.Payload) != "hello" || answer.Qos != 1 ||
			answer.MessageID == 0 || answer.Retain || answer.Dup {
			t.Fatalf("got %v", answer)
		}
	}
}

func TestQoS0IsAnsweredWithoutPuback(t *testing.T) {
	p := connected(t, mqttserver.New(answering(0), mqttserver.Options{}), "dev-01")
	p.send(publish("request", 0, 0, "hello"))
	if answer := next[*packets.PublishPacket](p); answer.Qos != 0 {
		t.Errorf("got %v", answer)
	}
	p.ping()
}

func TestTheHandlerSeesThePublish(t *testing.T) {
	seen := make(chan mqttserver.Publish, 1)
	p := connected(t, mqttserver.New(&handler{publish: func(_ context.Context, _ *mqttserver.Session, p mqttserver.Publish) (func(), error) {
		seen <- p
		return nil, nil
	}}, mqttserver.Options{}), "dev-01")
	sent := publish("devices/dev-01/messages/events/", 1, 7, "x")
	sent.Retain, sent.Dup = true, true
	p.send(sent)
	next[*packets.PubackPacket](p)
	if got := <-seen; got.Topic != sent.TopicName || string(got.Payload) != "x" || got.QoS != 1 || !got.Retain || !got.Dup {
		t.Errorf("got %+v", got)
	}
	p.send(publish("t", 0, 0, ""))
	if got := <-seen; got.Topic != "t" || len(got.Payload) != 0 || got.QoS != 0 || got.Retain || got.Dup {
		t.Errorf("got %+v", got)
	}
}

func TestAPublishThatIsRefusedClosesWithoutPuback(t *testing.T) {
	asked := false
	srv := mqttserver.New(&handler{publish: func(context.Context, *mqttserver.Session, mqttserver.Publish) (func(), error) {
		asked = true
		return func() { t.Error("then was run") }, errors.New("no such topic")
	}}, mqttserver.Options{})
	for _, c := range []struct {
		rule  string
		sent  *packets.PublishPacket
		asked bool
	}{
		{"by the handler", publish("t", 1, 1, ""), true},
		{"for QoS 2", publish("t", 2, 1, ""), false},
		{"for QoS 3", publish("t", 3, 1, ""), false},
		{"for packet id 0", publish("t", 1, 0, ""), false},
		{"for a wildcard", publish("t/#", 1, 1, ""), false},
		{"for an empty topic", publish("", 1, 1, ""), false},
		{"for a topic that is no UTF-8", publish("\xff", 1, 1, ""), false},
		{"for a topic with a null", publish("a\x00b", 1, 1, ""), false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			asked = false
			p := connected(t, srv, "dev-01")
			p.send(c.sent)
			p.ends()
			if asked != c.asked {
				t.Errorf("the handler was asked: %v", asked)
			}
		})
	}
}

func TestSubscribe(t *testing.T) {
	heard := make(chan string, 10)
	srv := mqttserver.New(&handler{
		subscribe: func(filter string, qos byte) (byte, error) {
			heard <- fmt.Sprint("subscribe ", filter, " ", qos)
			switch filter {
			case "bad":
				return mqttserver.SubackFailure, nil
			case "worse":
				return 0, errors.New("unknown filter")
			}
			return min(qos, 1), nil
		},
		subscribed: func(s *mqttserver.Session, filter string, granted byte) {
			s.Publish(context.Background(), fmt.Sprint("welcome/", filter, "/", granted), nil, 0)
		},
		unsubscribe: func(filter string) { heard <- "unsubscribe " + filter },
	}, mqttserver.Options{})

	p := connected(t, srv, "dev-01")
	p.send(subscribe(9, 2, "a/#", "bad", "c"))
	ack := next[*packets.SubackPacket](p) // before what Subscribed sends
	if ack.MessageID != 9 || !slices.Equal(ack.ReturnCodes, []byte{1, 0x80, 1}) {
		t.Errorf("got %v", ack)
	}
	for _, want := range []string{"welcome/a/#/1", "welcome/c/1"} {
		if got := next[*packets.PublishPacket](p); got.TopicName != want {
			t.Errorf("got %v", got)
		}
	}
	p.send(subscribe(10, 0, "d"))
	if ack := next[*packets.SubackPacket](p); !slices.Equal(ack.ReturnCodes, []byte{0}) {
		t.Errorf("got %v", ack)
	}
	next[*packets.PublishPacket](p)

	u := packets.NewControlPacket(packets.Unsubscribe).(*packets.UnsubscribePacket)
	u.MessageID, u.Topics = 11, []string{"a/#", "never"}
	p.send(u)
	if ack := next[*packets.UnsubackPacket](p); ack.MessageID != 11 {
		t.Errorf("got %v", ack)
	}
	for _, want := range []string{"subscribe a/# 2", "subscribe bad 2", "subscribe c 2", "subscribe d 0", "unsubscribe a/#", "unsubscribe never"} {
		if got := <-heard; got != want {
			t.Errorf("the handler heard %q, want %q", got, want)
		}
	}
	t.Run("an error closes without a SUBACK", func(t *testing.T) {
		p.send(subscribe(12, 1, "a/#", "worse"))
		p.ends()
	})
	for rule, sent := range map[string][]byte{
		"no filter":           {0x82, 2, 0, 1},
		"no packet id":        {0x82, 6, 0, 0, 0, 1, 'a', 0},
		"an empty filter":     {0x82, 5, 0, 1, 0, 0, 0},
		"a QoS of 3":          {0x82, 6, 0, 1, 0, 1, 'a', 3},
		"no QoS":              {0x82, 5, 0, 1, 0, 1, 'a'},
		"a filter cut short":  {0x82, 5, 0, 1, 0, 9, 'a'},
		"wrong header flags":  {0x80, 6, 0, 1, 0, 1, 'a', 0},
		"to unsubscribe none": {0xa2, 2, 0, 1},
		"nothing at all":      {0x82, 0},
	} {
		t.Run(rule+" closes", func(t *testing.T) {
			p := connected(t, srv, "dev-01")
			p.sendBytes(sent...)
			p.ends()
		})
	}
}

func TestPacketsThatNoClientSendsClose(t *testing.T) {
	srv := mqttserver.New(&handler{}, mqttserver.Options{})
	for rule, sent := range map[string][]byte{
		"CONNACK": {0x20, 2, 0, 0}, "PUBREC": {0x50, 2, 0, 1}, "PUBREL": {0x62, 2, 0, 1}, "PUBCOMP": {0x70, 2, 0, 1},
		"SUBACK": {0x90, 3, 0, 1, 0}, "UNSUBACK": {0xb0, 2, 0, 1}, "PINGRESP": {0xd0, 0}, "AUTH": {0xf0, 0}, "type 0": {0x00, 0},
		"a PUBACK without id": {0x40, 0}, "PINGREQ with flags": {0xc1, 0},
	} {
		t.Run(rule, func(t *testing.T) {
			p := connected(t, srv, "dev-01")
			p.sendBytes(sent...)
			p.ends()
		})
	}
}

func TestAPubackThatNobodyWaitsForIsIgnored(t *testing.T) {
	p := connected(t, mqttserver.New(answering(0), mqttserver.Options{}), "dev-01")
	for _, id := range []uint16{0, 1, 65535, 0} {
		p.send(puback(id))
	}
	p.ping()
	p.send(publish("request", 0, 0, ""))
	next[*packets.PublishPacket](p)
	p.send(puback(0))
	p.ping()
}

func TestPacketIDsAreTheSessionsOwn(t *testing.T) {
	sessions := make(chan *mqttserver.Session, 1)
	p := connected(t, mqttserver.New(&handler{connect: func(s *mqttserver.Session, _ mqttserver.Connect) mqttserver.Accept {
		sessions <- s
		return mqttserver.Accept{}
	}}, mqttserver.Options{}), "dev-01")
	s := <-sessions
	seen := map[uint16]bool{}
	for range mqttserver.MaxUnacked {
		if err := s.Publish(t.Context(), "t", nil, 1); err != nil {
			t.Fatal(err)
		}
		id := next[*packets.PublishPacket](p).MessageID
		if id == 0 || seen[id] {
			t.Fatalf("packet id %d is used twice", id)
		}
		seen[id] = true
	}
	if err := s.Publish(t.Context(), "t", nil, 1); err == nil {
		t.Error("a client may leave any number of messages without a PUBACK")
	}
	if err := s.Publish(t.Context(), "t", nil, 0); err != nil {
		t.Errorf("QoS 0 needs no id: %v", err)
	}
	next[*packets.PublishPacket](p)
	p.send(puback(17))
	p.ping()
	if err := s.Publish(t.Context(), "t", nil, 1); err != nil {
		t.Errorf("after a PUBACK: %v", err)
	}
	next[*packets.PublishPacket](p)
	for range 70000 { // all ids, and around
		if err := s.Publish(t.Context(), "t", nil, 0); err != nil {
			t.Fatal(err)
		}
		if id := next[*packets.PublishPacket](p).MessageID; id != 0 {
			t.Fatalf("QoS 0 with packet id %d", id)
		}
	}
}

func TestPublishAfterTheEnd(t *testing.T) {
	sessions := make(chan *mqttserver.Session, 1)
	p := connected(t, mqttserver.New(&handler{connect: func(s *mqttserver.Session, _ mqttserver.Connect) mqttserver.Accept {
		sessions <- s
		return mqttserver.Accept{}
	}}, mqttserver.Options{}), "dev-01")
	s := <-sessions
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Publish(ctx, "t", nil, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
	p.ping()
	p.Close()
	within(t, "the end of Serve", p.served)
	if err := s.Publish(t.Context(), "t", nil, 1); !errors.Is(err, mqttserver.ErrClosed) {
		t.Errorf("after the end of the session: %v", err)
	}
}

func TestATopicThatDoesNotFitIsRefused(t *testing.T) {
	result := make(chan error, 1)
	p := connected(t, mqttserver.New(&handler{publish: func(ctx context.Context, s *mqttserver.Session, _ mqttserver.Publish) (func(), error) {
		result <- s.Publish(ctx, strings.Repeat("x", 1<<16), nil, 0)
		return nil, nil
	}}, mqttserver.Options{}), "dev-01")
	p.send(publish("t", 0, 0, ""))
	if err := <-result; err == nil {
		t.Error("sent")
	}
	p.ping()
}

func TestWritesFromManyGoroutinesStayWhole(t *testing.T) {
	sessions := make(chan *mqttserver.Session, 1)
	p := connected(t, mqttserver.New(&handler{connect: func(s *mqttserver.Session, _ mqttserver.Connect) mqttserver.Accept {
		sessions <- s
		return mqttserver.Accept{}
	}}, mqttserver.Options{}), "dev-01")
	s := <-sessions
	const writers, each = 20, 30
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				payload := strings.Repeat(fmt.Sprintf("%d-%d ", w, i), 100*(i+1))
				if err := s.Publish(context.Background(), fmt.Sprint(len(payload)), []byte(payload), byte(i%2)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range writers * each {
		got := next[*packets.PublishPacket](p)
		word, _, _ := strings.Cut(string(got.Payload), " ")
		if got.TopicName != fmt.Sprint(len(got.Payload)) || strings.Count(string(got.Payload), word+" ")*len(word+" ") != len(got.Payload) {
			t.Fatalf("got %.100v", got)
		}
	}
	all.Wait()
}

func TestGoIsBounded(t *testing.T) {
	release := make(chan struct{})
	started, asked := make(chan struct{}, 100), make(chan struct{}, 100)
	p := connected(t, mqttserver.New(&handler{publish: func(_ context.Context, s *mqttserver.Session, _ mqttserver.Publish) (func(), error) {
		asked <- struct{}{}
		return func() {
			s.Go(func(ctx context.Context) {
				started <- struct{}{}
				select {
				case <-release:
				case <-ctx.Done():
				}
			})
		}, nil
	}}, mqttserver.Options{}), "dev-01")
	for range mqttserver.MaxTasks + 1 {
		p.send(publish("t", 0, 0, ""))
	}
	p.send(packets.NewControlPacket(packets.Pingreq))
	for range mqttserver.MaxTasks {
		within(t, "a goroutine", started)
	}
	for range mqttserver.MaxTasks + 1 {
		within(t, "a PUBLISH", asked)
	}
	p.SetReadDeadline(clock.SocketDeadline(100 * time.Millisecond))
	if cp, err := packets.ReadPacket(p); err == nil {
		t.Fatalf("the reader did not wait: %v", cp)
	}
	select {
	case <-started:
		t.Fatal("one more runs than may")
	default:
	}
	release <- struct{}{}
	within(t, "the goroutine that waited", started)
	p.SetReadDeadline(clock.SocketDeadline(20 * time.Second))
	next[*packets.PingrespPacket](p)
}

func TestGoroutinesEndWithTheSession(t *testing.T) {
	finished := false
	sessions := make(chan *mqttserver.Session, 1)
	h := &handler{connect: func(s *mqttserver.Session, _ mqttserver.Connect) mqttserver.Accept {
		sessions <- s
		s.Go(func(ctx context.Context) {
			<-ctx.Done()
			finished = true
		})
		return mqttserver.Accept{}
	}}
	h.closed = func(*mqttserver.Session, *mqttserver.Publish) {
		if !finished {
			t.Error("Closed is called before a goroutine of the session has ended")
		}
	}
	p := connected(t, mqttserver.New(h, mqttserver.Options{}), "dev-01")
	p.Close()
	within(t, "the end of Serve", p.served)
	if !finished {
		t.Error("Serve did not wait")
	}
	(<-sessions).Go(func(context.Context) { t.Error("it runs after the end") })
}
