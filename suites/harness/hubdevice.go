package harness

import (
	"context"
	"errors"
	"fmt"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// HubDevice is a device at a hub. Its identity may be changed by a check on a copy.
type HubDevice struct {
	devwire.HubIdentity
	Hub                *Hub
	Record             Members // of its identity, as the PUT answered it; nil after provisioning
	Primary, Secondary []byte
}

// Device makes an identity with symmetric keys at the hub.
func (h *Hub) Device(ctx context.Context, t *T, members ...Members) *HubDevice {
	d := &HubDevice{Hub: h, Primary: Key(), Secondary: Key()}
	d.DeviceID, d.Key = t.Name(), d.Primary
	d.make(ctx, t, Members{"type": "sas", "symmetricKey": Members{
		"primaryKey": base64Of(d.Primary), "secondaryKey": base64Of(d.Secondary),
	}}, members)
	return d
}

// X509Device makes an identity with the thumbprint of a self-signed certificate.
func (h *Hub) X509Device(ctx context.Context, t *T, members ...Members) *HubDevice {
	d := &HubDevice{Hub: h}
	d.DeviceID = t.Name()
	leaf := t.SelfSigned(h.env, d.DeviceID)
	d.Certificate = &leaf
	d.make(ctx, t, Members{"type": "selfSigned", "x509Thumbprint": Members{"primaryThumbprint": Thumbprint(leaf)}}, members)
	return d
}

func (d *HubDevice) make(ctx context.Context, t *T, authentication Members, members []Members) {
	record := merged(append([]Members{{"deviceId": d.DeviceID, "status": "enabled", "authentication": authentication}}, members...)...)
	if d.Hub.API == nil {
		d.makeByHook(ctx, t, record)
		return
	}
	d.Record = t.made(func() devwire.HTTPResponse { return d.Hub.Put(ctx, t, IdentityPath(d.DeviceID), record) },
		"deviceId", d.DeviceID, "make a device at the hub")
}

// makeByHook makes the identity where the hub's service API is not at hand.
func (d *HubDevice) makeByHook(ctx context.Context, t *T, record Members) {
	hooks := d.Hub.env.Hooks
	t.Given("a hook makes "+d.DeviceID+" at "+d.Hub.Host, func() {
		made, err := hooks.CreateHubIdentity(ctx, d.Hub.Host, record)
		if errors.Is(err, ErrNotHere) {
			t.Skip(err.Error())
		}
		t.Must(err, "make a device at the hub")
		d.Record = completed(record, made)
		id, _ := d.Record["deviceId"].(string)
		t.Cleanup(func(ctx context.Context) {
			t.Must(hooks.Delete(ctx, HubIdentity, Members{"deviceId": id, "hub": d.Hub.Host}), "remove "+id)
		})
		if d.Certificate != nil && id != d.DeviceID {
			t.Must(fmt.Errorf("the hook made %s, and the certificate is of %s", id, d.DeviceID), "make a device at the hub by certificate")
		}
		d.DeviceID = id
		authentication, _ := d.Record["authentication"].(Members)
		primary, secondary := keysOf(Members{"attestation": authentication})
		d.Primary, d.Secondary = or(primary, d.Primary), or(secondary, d.Secondary)
		if d.Certificate == nil {
			d.Key = d.Primary
		}
	})
}

// With is the same device with another identity.
func (d *HubDevice) With(change func(id *devwire.HubIdentity)) *HubDevice {
	other := *d
	change(&other.HubIdentity)
	return &other
}

func (t *T) hubTransport() dps.Transport {
	if t.Transport() == dps.MQTTWebSocket || t.Transport() == dps.AMQPWebSocket {
		return dps.MQTTWebSocket
	}
	return dps.MQTT
}

// mqttTransport is the run's, or for a run without one what carries MQTT at the target.
func (t *T) mqttTransport() dps.Transport {
	switch {
	case t.Transport() != dps.TransportNone:
		return t.Transport()
	case t.first == dps.MQTTWebSocket:
		return dps.MQTTWebSocket
	}
	return dps.MQTT
}

// Connect connects the device to its hub. A refusal is a failure.
func (d *HubDevice) Connect(ctx context.Context, t *T) *devwire.HubDevice {
	t.Step("%s connects to %s", d.DeviceID, d.Hub.Host)
	conn, err := d.Hub.env.Wire.HubDevice(ctx, t.hubTransport(), d.Hub.Endpoint, d.HubIdentity)
	t.Answered(err, "connect to the hub")
	t.Cleanup(func(context.Context) { conn.Close() })
	return conn
}

// Try connects, disconnects, and returns whatever came of it.
func (d *HubDevice) Try(ctx context.Context, t *T) Reply {
	t.Step("%s tries to connect to %s", d.DeviceID, d.Hub.Host)
	conn, err := d.Hub.env.Wire.HubDevice(ctx, t.hubTransport(), d.Hub.Endpoint, d.HubIdentity)
	if err != nil {
		return t.reply(devwire.Answer{}, err)
	}
	conn.Close()
	return Reply{Session: true}
}

// ConnectAMQP connects the device over AMQP, with a link for telemetry. A refusal is a
// failure.
func (d *HubDevice) ConnectAMQP(ctx context.Context, t *T) *devwire.AMQPHubDevice {
	over := t.amqpTransport()
	t.Step("%s connects to %s over %s", d.DeviceID, d.Hub.Host, over)
	conn, err := d.Hub.env.Wire.AMQPHubDevice(ctx, over, d.Hub.Endpoint, d.HubIdentity)
	t.Answered(err, "connect to the hub over "+over.String())
	t.Cleanup(func(context.Context) { conn.Close() })
	return conn
}

// TryAMQP is Try over AMQP.
func (d *HubDevice) TryAMQP(ctx context.Context, t *T) Reply {
	over := t.amqpTransport()
	t.Step("%s tries to connect to %s over %s", d.DeviceID, d.Hub.Host, over)
	conn, err := d.Hub.env.Wire.AMQPHubDevice(ctx, over, d.Hub.Endpoint, d.HubIdentity)
	if err != nil {
		return t.reply(devwire.Answer{}, err)
	}
	conn.Close()
	return Reply{Session: true}
}

// Packets opens an MQTT connection of the device to its hub and sends nothing on it.
func (d *HubDevice) Packets(ctx context.Context, t *T) *Packets {
	return d.Hub.env.Packets(ctx, t, d.Hub.Endpoint, devwire.DialOptions{Certificate: d.Certificate})
}

// ConnectPacket is the device's CONNECT, with clean session, for a check to alter.
func (d *HubDevice) ConnectPacket() *packets.ConnectPacket {
	c := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	c.ProtocolName, c.ProtocolVersion, c.CleanSession, c.Keepalive = "MQTT", 4, true, 60
	c.ClientIdentifier = d.DeviceID
	c.UsernameFlag, c.Username = true, devwire.HubUsername(d.Hub.Host, d.DeviceID)
	if token := d.Token(d.Hub.Host, d.Hub.env.Wire.Clock.Now()); token != "" {
		c.PasswordFlag, c.Password = true, []byte(token)
	}
	return c
}

// Session opens an MQTT connection of the device and logs in: what has to hold before most
// checks of what a hub does.
func (d *HubDevice) Session(ctx context.Context, t *T) *Packets {
	p := d.Packets(ctx, t)
	t.Given(d.DeviceID+" is connected", func() {
		if connack := p.Login(ctx, d.ConnectPacket()); connack.ReturnCode != packets.Accepted {
			t.fail(fmt.Sprintf("CONNACK %d", connack.ReturnCode))
		}
	})
	return p
}
