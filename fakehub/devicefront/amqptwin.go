package devicefront

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/dpslab/dpslab/fakehub/huberror"
	"github.com/dpslab/dpslab/fakehub/registry"
	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

// Resources of a twin, in annotations (iot-hub.md 2.5).
const (
	reportedResource      = "/properties/reported"
	desiredResource       = "/properties/desired"
	notificationsResource = "/notifications/twin/properties/desired"
)

// twinLink is where a device hears of its twin. The link that it asks over has the same
// channel-correlation-id.
type twinLink struct {
	*amqpserver.Sender
	observes bool
}

func (d *amqpDevice) joinTwin(out *amqpserver.Sender, pair string) {
	d.state.mu.Lock()
	defer d.state.mu.Unlock()
	link := &twinLink{Sender: out}
	d.twins[pair] = link
	out.OnDetach(func() {
		d.state.mu.Lock()
		defer d.state.mu.Unlock()
		if d.twins[pair] == link {
			delete(d.twins, pair)
		}
	})
}

// twinRequest does what a device asks of its twin, and answers over the other link of the
// pair. There is always an answer: clients wait minutes for one.
func (d *amqpDevice) twinRequest(_ context.Context, pair string, delivery *amqpserver.Delivery) {
	d.presence.Active()
	delivery.Accept()
	m := delivery.Message
	answer := d.askTwin(m, pair)
	if m.Properties != nil { // [DPS-HUB-064]
		answer.Properties = &amqp.Properties{CorrelationID: m.Properties.CorrelationID}
	}
	d.state.mu.Lock()
	link := d.twins[pair]
	d.state.mu.Unlock()
	if link == nil {
		return
	}
	delivery.Go(func(ctx context.Context) {
		// A device that is gone wants no answer.
		_, _ = link.Send(ctx, answer, amqpserver.SendOptions{Settled: true})
	})
}

func (d *amqpDevice) askTwin(m *amqp.Message, pair string) *amqp.Message {
	operation := strings.ToUpper(m.MessageAnnotations.Text("operation"))
	resource := m.MessageAnnotations.Text("resource")
	switch {
	case operation == "GET":
		doc, err := d.state.front.twin(d.id)
		return d.twinAnswer(200, doc, 0, err)
	case operation == "PATCH" && strings.EqualFold(resource, reportedResource):
		version, err := d.reportTwin(m)
		return d.twinAnswer(204, nil, version, err)
	case operation == "PUT" && strings.EqualFold(resource, notificationsResource):
		return d.twinAnswer(204, nil, 0, d.observeTwin(pair, true))
	case operation == "DELETE" && strings.EqualFold(resource, notificationsResource):
		return d.twinAnswer(204, nil, 0, d.observeTwin(pair, false))
	}
	return d.twinAnswer(0, nil, 0, huberror.New(huberror.ArgumentInvalid, "there is no operation %.40q on %.80q", operation, resource))
}

// reportTwin merges the device's patch. Its version, where it has one, is that which the
// patch was made for.
func (d *amqpDevice) reportTwin(m *amqp.Message) (version int64, err error) {
	body, _ := m.Payload()
	patch, err := object(body)
	if err != nil {
		return 0, err
	}
	var base *int64
	switch v, _ := m.MessageAnnotations.Get("version"); v := v.(type) {
	case nil:
	case int32:
		n := int64(v)
		base = &n
	case int64:
		base = &v
	default:
		return 0, huberror.New(huberror.ArgumentInvalid, "the version is no int and no long")
	}
	return d.state.front.Registry.Report(d.id, patch, base)
}

// twinAnswer is an answer: its status an int, its version, where it has one, a long, its
// keys symbols, which C insists on.
func (d *amqpDevice) twinAnswer(status int, doc any, version int64, err error) *amqp.Message {
	if err != nil {
		status, doc = d.state.front.refusal(err)
	}
	m := &amqp.Message{MessageAnnotations: amqp.Map{{amqp.Symbol("status"), int32(status)}}, Body: amqp.Data{{}}}
	if version > 0 {
		m.MessageAnnotations = append(m.MessageAnnotations, amqp.Pair{amqp.Symbol("version"), version})
	}
	if doc != nil {
		body, err := json.Marshal(doc)
		if err != nil { // twins are of JSON
			body = nil
		}
		m.Body = amqp.Data{body}
	}
	return m
}

// observeTwin starts or stops the notifications over a pair of links.
func (d *amqpDevice) observeTwin(pair string, on bool) error {
	d.state.mu.Lock()
	defer d.state.mu.Unlock()
	link := d.twins[pair]
	if link == nil {
		return huberror.New(huberror.ArgumentInvalid, "there is no link to be notified over")
	}
	link.observes = on
	if !on || d.pump != nil {
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	d.pump = cancel
	d.presence.Observe(true)
	d.state.conn.Go(func(connection context.Context) {
		defer context.AfterFunc(connection, cancel)()
		for {
			change, err := d.presence.Next(ctx)
			if err != nil {
				return
			}
			d.notify(ctx, change)
		}
	})
	return nil
}

// notify tells the device of a desired change over every pair that asked for it: a message
// without correlation-id. [DPS-HUB-066]
func (d *amqpDevice) notify(ctx context.Context, c registry.Change) {
	body, err := json.Marshal(versioned(c.Patch, c.Version))
	if err != nil {
		return
	}
	d.state.mu.Lock()
	var links []*twinLink
	for _, link := range d.twins {
		if link.observes {
			links = append(links, link)
		}
	}
	d.state.mu.Unlock()
	for _, link := range links {
		m := &amqp.Message{
			MessageAnnotations: amqp.Map{{amqp.Symbol("resource"), desiredResource}, {amqp.Symbol("version"), c.Version}},
			Body:               amqp.Data{body},
		}
		_, _ = link.Send(ctx, m, amqpserver.SendOptions{Settled: true})
	}
}
