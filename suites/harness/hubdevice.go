package harness

import (
	"context"
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
	d.Record = t.made(func() devwire.HTTPResponse { return d.Hub.Put(ctx, t, IdentityPath(d.DeviceID), record) },
		"deviceId", d.DeviceID, "make a device at the hub")
}

// With is the same device with another identity.
func (d *HubDevice) With(change func(id *devwire.HubIdentity)) *HubDevice {
	other := *d
	change(&other.HubIdentity)
	return &other
}

func (t *T) hubTransport() dps.Transport {
	if t.Transport() == dps.MQTTWebSocket {
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
