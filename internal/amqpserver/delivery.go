package amqpserver

import (
	"context"
	"errors"

	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

// Delivery is a message that a client sent, with what it takes to settle it.
type Delivery struct {
	Message *amqp.Message
	Tag     []byte
	Format  uint32 // message-format; 0x80013700 is a batch (iot-hub.md 2.4)

	receiver *Receiver
	id       uint32
	second   bool // it is done with only when the client has settled it, too

	// Guarded by the connection's mu.
	payload []byte
	over    bool // settled by the client, or its link is gone: it wants to hear nothing
	told    bool // the client was told what became of it
	done    bool // both count it as settled
	uses    int  // what keeps its place in the link's credit: the settlement, the handler, each Go
}

// Receiver is the link that it came over.
func (d *Delivery) Receiver() *Receiver { return d.receiver }

// Settled reports whether the client settled it, or its link is gone. Then Settle tells
// nobody anything.
func (d *Delivery) Settled() bool {
	c := d.receiver.Conn()
	c.mu.Lock()
	defer c.mu.Unlock()
	return d.over
}

// arrive hands a complete message to the handler. It is in use until the handler returns,
// which may settle it first and then call Go.
func (d *Delivery) arrive() error {
	d.use()
	r := d.receiver
	came := d.Settled()
	message, err := amqp.ReadMessage(d.payload)
	var malformed *amqp.Error
	switch {
	case errors.As(err, &malformed): // [DPS-AMQP-055]
		d.Reject(malformed)
	case r.receive == nil:
		d.Accept()
	default:
		d.Message = message
		r.receive(r.Conn().ctx, d)
	}
	if came { // nobody needs to settle it
		d.Settle(nil)
	}
	return d.unuse()
}

// Accept settles the delivery as processed.
func (d *Delivery) Accept() error { return d.Settle(&amqp.Accepted{}) }

// Reject settles the delivery as invalid.
func (d *Delivery) Reject(why *amqp.Error) error { return d.Settle(&amqp.Rejected{Error: why}) }

// Settle tells the client what became of the delivery, once: later calls do nothing. The
// disposition is written when Settle returns, so that an answer follows it.
func (d *Delivery) Settle(outcome amqp.State) error {
	r := d.receiver
	c := r.Conn()
	c.mu.Lock()
	if d.told {
		c.mu.Unlock()
		return nil
	}
	d.told = true
	silent := d.over
	if !d.second {
		delete(r.session.incoming, d.id)
	}
	c.mu.Unlock()

	if !silent {
		s := Settlement{Address: r.Address(), State: outcome, Settled: !d.second}
		Settle.Hit(c.ctx, c.points(), r.At(StepReceive), &s)
		if err := d.tell(s); err != nil {
			return err
		}
	}

	c.mu.Lock()
	if d.over || !d.second {
		d.finish()
	}
	c.mu.Unlock()
	return r.grant()
}

// lateSettling is a disposition that a fault holds back.
type lateSettling struct {
	channel uint16
	frame   *amqp.Disposition
}

func (d *Delivery) tell(s Settlement) error {
	c := d.receiver.Conn()
	if s.Drop {
		return nil
	}
	frame := &amqp.Disposition{Role: amqp.Receiver, First: d.id, Settled: s.Settled, State: s.State}
	if s.AfterAnswer {
		c.writing.Lock()
		defer c.writing.Unlock()
		c.late = append(c.late, lateSettling{d.receiver.session.out, frame})
		return nil
	}
	return c.send(d.receiver.session.out, frame)
}

// Go runs f beside the reader, as Conn.Go does. Until f returns, the delivery keeps its
// place in the link's credit, so that a client gets no more work started than that.
func (d *Delivery) Go(f func(ctx context.Context)) {
	d.use()
	d.receiver.Conn().Go(func(ctx context.Context) {
		defer d.unuse()
		f(ctx)
	})
}

// use takes a place in the link's credit, or another share in the one that it has.
func (d *Delivery) use() {
	c := d.receiver.Conn()
	c.mu.Lock()
	defer c.mu.Unlock()
	if d.uses == 0 {
		d.receiver.inUse++
		c.held += len(d.payload)
	}
	d.uses++
}

func (d *Delivery) unuse() error {
	c := d.receiver.Conn()
	c.mu.Lock()
	d.drop()
	c.mu.Unlock()
	return d.receiver.grant()
}

// drop takes away one of the uses. mu is held.
func (d *Delivery) drop() {
	if d.uses--; d.uses == 0 {
		d.receiver.inUse--
		d.receiver.Conn().held -= len(d.payload)
	}
}

// finish ends the settlement. mu is held.
func (d *Delivery) finish() {
	if !d.done {
		d.done = true
		d.drop()
	}
}

// remember keeps a delivery that the client has not settled, so that it can. mu is held.
func (s *session) remember(d *Delivery) {
	if s.incoming == nil {
		s.incoming = map[uint32]*Delivery{}
	}
	s.incoming[d.id] = d
}

// clientDone is for a delivery that the client settled, or whose link is gone. mu is held.
func (d *Delivery) clientDone() {
	d.over = true
	if d.told {
		d.finish()
	}
}
