package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
)

// Device is a device and the service it registers at. It goes over the transport of the
// check's run, over HTTPS where the run has none. What it says of itself is its Identity:
// a check that wants it to lie changes a copy (With).
type Device struct {
	devwire.Identity
	Service            *Service
	Record             Members // of its enrollment or group, as the PUT answered it
	Primary, Secondary []byte  // its symmetric keys; Identity.Key is the one it uses
}

func (s *Service) device(t *T, id any) *Device {
	registrationID, ok := id.(string)
	if !ok {
		t.Must(errors.New("the record has no id"), "make a device")
	}
	d := &Device{Identity: devwire.Identity{Scope: s.Scope, RegistrationID: registrationID}, Service: s}
	s.unregister(t, registrationID, d)
	return d
}

// With is the same device with another identity: a wrong key, another scope.
func (d *Device) With(change func(id *devwire.Identity)) *Device {
	other := *d
	change(&other.Identity)
	return &other
}

// deviceTransport is what devices of this run use: the run's, or the first one that the
// target claims.
func (t *T) deviceTransport() dps.Transport {
	if t.Transport() == dps.TransportNone {
		return t.first
	}
	return t.Transport()
}

// Connect opens the device's connection, for checks that make several requests on one.
func (d *Device) Connect(ctx context.Context, t *T) devwire.Device {
	over := t.deviceTransport()
	t.Step("%s connects over %s", d.RegistrationID, over)
	conn, err := d.Service.env.Wire.Device(ctx, over, d.Service.Device, d.Identity)
	t.Answered(err, "connect over "+over.String())
	t.Cleanup(func(context.Context) { conn.Close() })
	return conn
}

// Register sends one register request on a connection of its own and returns the answer,
// which may be a refusal.
func (d *Device) Register(ctx context.Context, t *T, payload ...json.RawMessage) devwire.Answer {
	conn := d.Connect(ctx, t)
	defer conn.Close()
	var answer devwire.Answer
	t.unthrottled(ctx, d.Service.env, "register", func() (int, time.Duration) {
		var err error
		answer, err = conn.Register(ctx, first(payload))
		t.Answered(err, "register")
		return answer.Code, answer.RetryAfter
	})
	return answer
}

// Provision registers and polls as the service asks, until the answer is terminal or a
// refusal.
func (d *Device) Provision(ctx context.Context, t *T, payload ...json.RawMessage) devwire.Answer {
	conn := d.Connect(ctx, t)
	defer conn.Close()
	t.Step("%s registers and polls", d.RegistrationID)
	var answer devwire.Answer
	t.unthrottled(ctx, d.Service.env, "register and poll", func() (int, time.Duration) {
		var err error
		answer, err = d.Service.env.Wire.Provision(ctx, conn, first(payload))
		t.Answered(err, "register and poll")
		return answer.Code, answer.RetryAfter
	})
	return answer
}

// Assigned provisions the device as a step on the way to something else: anything but
// assigned is an error of the run.
func (d *Device) Assigned(ctx context.Context, t *T) devwire.Answer {
	var answer devwire.Answer
	t.Given(d.RegistrationID+" is assigned", func() {
		answer = d.Provision(ctx, t)
		if answer.Status != dps.StatusAssigned || answer.State == nil {
			t.fail(fmt.Sprintf("the service answered %d %s", answer.Code, answer.Raw))
		}
	})
	return answer
}

// AtHub is the device at the hub it was assigned to, with its own credentials.
func (d *Device) AtHub(t *T, assigned devwire.Answer) *HubDevice {
	hub := d.Service.Hub(assigned.State.AssignedHub)
	if hub == nil {
		t.Skip("needs hub: the target file does not name " + assigned.State.AssignedHub)
	}
	id := devwire.HubIdentity{DeviceID: assigned.State.DeviceID, Key: d.Key, Certificate: d.Certificate, TPM: d.TPM}
	if d.TPM != nil {
		blob, err := assigned.TPMKey()
		t.Answered(err, "read the key for the hub")
		t.Answered(d.TPM.Import(blob), "give the tpm the key for the hub")
	}
	return &HubDevice{HubIdentity: id, Hub: hub}
}

// Try registers once and returns whatever came of it, also a refused connection.
func (d *Device) Try(ctx context.Context, t *T) Reply {
	over := t.deviceTransport()
	t.Step("%s tries to register over %s", d.RegistrationID, over)
	conn, err := d.Service.env.Wire.Device(ctx, over, d.Service.Device, d.Identity)
	if err != nil {
		return t.reply(devwire.Answer{}, err)
	}
	defer conn.Close()
	var answer devwire.Answer
	t.unthrottled(ctx, d.Service.env, "register", func() (int, time.Duration) {
		answer, err = conn.Register(ctx, nil)
		return answer.Code, answer.RetryAfter
	})
	return t.reply(answer, err)
}

// TryToken is Try with this text in the place of a token: the Authorization header, or the
// MQTT password. "" sends none.
func (d *Device) TryToken(ctx context.Context, t *T, token string) Reply {
	switch over := t.deviceTransport(); over {
	case dps.HTTPS:
	case dps.AMQP, dps.AMQPWebSocket:
		return d.tryPlain(ctx, t, token)
	default:
		return d.tryPassword(ctx, t, token)
	}
	t.Step("%s tries to register over https with a token of its own making", d.RegistrationID)
	header := http.Header{"Content-Type": {"application/json"}}
	if token != "" {
		header.Set("Authorization", token)
	}
	body, err := d.Registration(nil)
	t.Must(err, "write the register request")
	client := d.client()
	defer client.Close()
	var response devwire.HTTPResponse
	t.unthrottled(ctx, d.Service.env, "register", func() (int, time.Duration) {
		response, err = client.Do(ctx, devwire.HTTPRequest{
			Method: http.MethodPut, Path: devwire.RegisterPath(d.Identity), Header: header, Body: body,
		})
		return response.Status, retryAfter(response)
	})
	if err != nil {
		return t.reply(devwire.Answer{}, err)
	}
	answer, err := response.Answer()
	return t.reply(answer, err)
}

func (d *Device) client() *devwire.HTTPClient {
	return d.Service.env.Wire.HTTP(d.Service.Device, devwire.DialOptions{Certificate: d.Certificate})
}

// Do sends one HTTPS request as it is and returns the response, of whatever status. It
// carries the device's token unless it has an Authorization, and is JSON when it has a
// body and no Content-Type.
func (d *Device) Do(ctx context.Context, t *T, r devwire.HTTPRequest) devwire.HTTPResponse {
	if why := d.Service.env.unclaimed(dps.HTTPS); why != "" {
		t.Skip(why)
	}
	client := d.client()
	defer client.Close()
	if r.Header = r.Header.Clone(); r.Header == nil {
		r.Header = http.Header{}
	}
	has := func(name string) bool { _, ok := r.Header[name]; return ok }
	if token := d.Token(d.Service.env.Wire.Clock.Now()); token != "" && !has("Authorization") && !has("authorization") {
		r.Header.Set("Authorization", token)
	}
	if len(r.Body) > 0 && !has("Content-Type") {
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	var response devwire.HTTPResponse
	t.unthrottled(ctx, d.Service.env, r.Method+" "+r.Path, func() (int, time.Duration) {
		var err error
		response, err = client.Do(ctx, r)
		t.Answered(err, r.Method+" "+r.Path)
		return response.Status, retryAfter(response)
	})
	return response
}

// Put sends a register request with this body over HTTPS.
func (d *Device) Put(ctx context.Context, t *T, body string) devwire.HTTPResponse {
	return d.Do(ctx, t, devwire.HTTPRequest{Method: http.MethodPut, Path: devwire.RegisterPath(d.Identity), Body: []byte(body)})
}

func first(payload []json.RawMessage) json.RawMessage {
	if len(payload) == 0 {
		return nil
	}
	return payload[0]
}

// Serves makes sure that a provisioning service is behind the endpoint, by a device that
// it accepts: what a check of TLS alone does not show. It comes after the assertions, so
// that what they find counts.
func (s *Service) Serves(ctx context.Context, t *T) {
	t.Given("the service accepts a device", func() {
		t.Expect(s.SymmetricKeyDevice(ctx, t).Try(ctx, t)).To(BeAccepted())
	})
}
