package amqpserver_test

import (
	"reflect"
	"testing"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

func TestOutcomesOfTheServer(t *testing.T) {
	deliveries := make(chan *amqpserver.Delivery, 10)
	p := begun(t, amqpserver.New(keeping(deliveries), amqpserver.Options{}))
	p.sender(0, "a")
	why := amqp.Errorf(amqp.UnauthorizedAccess, `{"errorCode":401002}`)
	why.Info = amqp.Map{{amqp.Symbol("Retry-After"), int32(5)}}
	for i, c := range []struct {
		settle func(*amqpserver.Delivery) error
		want   amqp.State
	}{
		{(*amqpserver.Delivery).Accept, &amqp.Accepted{}},
		{func(d *amqpserver.Delivery) error { return d.Reject(why) }, &amqp.Rejected{Error: why}},
		{func(d *amqpserver.Delivery) error { return d.Settle(&amqp.Released{}) }, &amqp.Released{}},
		{func(d *amqpserver.Delivery) error { return d.Settle(&amqp.Modified{DeliveryFailed: true}) }, &amqp.Modified{DeliveryFailed: true}},
		{func(d *amqpserver.Delivery) error { return d.Settle(nil) }, nil},
	} {
		id := uint32(i)
		p.transfer(0, id, "x")
		d := within(t, "the message", deliveries)
		if err := c.settle(d); err != nil {
			t.Fatal(err)
		}
		if err := d.Accept(); err != nil { // once is enough
			t.Fatal(err)
		}
		got := next[*amqp.Disposition](p)
		if want := (&amqp.Disposition{Role: amqp.Receiver, First: id, Settled: true, State: c.want}); !reflect.DeepEqual(got, want) {
			t.Errorf("%d: disposition %+v of %+v", i, got, got.State)
		}
	}
	p.lives()
}

func TestAReceiverThatSettlesSecond(t *testing.T) {
	deliveries := make(chan *amqpserver.Delivery, 10)
	p := begun(t, amqpserver.New(keeping(deliveries), amqpserver.Options{Credit: 2}))
	attach := attachSender(0, "a")
	attach.ReceiverSettleMode = amqp.ReceiverSecond
	p.send(0, attach)
	next[*amqp.Attach](p)
	next[*amqp.Flow](p)
	for i := range uint32(2) {
		p.transfer(0, i, "x")
		within(t, "the message", deliveries).Accept()
		if d := next[*amqp.Disposition](p); d.Settled || d.First != i || !reflect.DeepEqual(d.State, &amqp.Accepted{}) {
			t.Errorf("disposition %+v", d)
		}
	}
	p.lives() // no credit before the client settles
	p.send(0, &amqp.Disposition{Role: amqp.Sender, First: 0, Settled: false})
	p.lives()
	p.send(0, &amqp.Disposition{Role: amqp.Sender, First: 0, Last: amqp.Some(uint32(1)), Settled: true})
	if f := next[*amqp.Flow](p); f.LinkCredit.V == 0 {
		t.Errorf("credit is %+v", f)
	}
}

func TestADeliveryMaySayItself(t *testing.T) {
	deliveries := make(chan *amqpserver.Delivery, 10)
	p := begun(t, amqpserver.New(keeping(deliveries), amqpserver.Options{}))
	p.sender(0, "a")
	second := transfer(0, 0)
	second.ReceiverSettleMode = amqp.Some(amqp.ReceiverSecond)
	p.sendFrame(amqp.Frame{Performative: second, Payload: message(t, "x")})
	within(t, "the message", deliveries).Accept()
	if d := next[*amqp.Disposition](p); d.Settled {
		t.Errorf("disposition %+v", d)
	}
}

func TestASenderThatGivesUp(t *testing.T) {
	deliveries := make(chan *amqpserver.Delivery, 10)
	p := begun(t, amqpserver.New(keeping(deliveries), amqpserver.Options{Credit: 2}))
	p.sender(0, "a")
	for i := range uint32(2) {
		p.transfer(0, i, "x")
	}
	first, second := within(t, "one", deliveries), within(t, "two", deliveries)
	p.send(0, &amqp.Disposition{Role: amqp.Sender, First: 0, Last: amqp.Some(uint32(1<<31 - 1)), Settled: true})
	p.lives()
	if !first.Settled() || !second.Settled() {
		t.Error("not settled")
	}
	first.Accept() // tells nobody, but makes room
	if f := next[*amqp.Flow](p); f.LinkCredit != amqp.Some(uint32(1)) {
		t.Errorf("credit is %+v", f)
	}
	second.Accept()
	next[*amqp.Flow](p)
	p.lives()
}

func TestADeliveryOutlivesItsLink(t *testing.T) {
	deliveries := make(chan *amqpserver.Delivery, 10)
	p := begun(t, amqpserver.New(keeping(deliveries), amqpserver.Options{MaxHeld: 1000}))
	for i := range uint32(5) { // whose bytes are given back each time
		p.sender(0, "a")
		p.transfer(0, i, string(make([]byte, 900)))
		d := within(t, "the message", deliveries)
		p.send(0, &amqp.Detach{Handle: 0, Closed: true})
		next[*amqp.Detach](p)
		if !d.Settled() {
			t.Error("not settled")
		}
		if err := d.Accept(); err != nil {
			t.Error(err)
		}
	}
	p.lives()
}
