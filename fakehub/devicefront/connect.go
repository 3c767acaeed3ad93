package devicefront

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dpslab/dpslab/fakehub/registry"
	"github.com/dpslab/dpslab/internal/mqttserver"
	"github.com/dpslab/dpslab/internal/sas"
)

// maxIdle is the longest that a client may say nothing, one and a half times the largest
// useful keep-alive (iot-hub.md 1.7).
const maxIdle = 1767 * time.Second

// handler is the Front as mqttserver sees it.
type handler struct{ *Front }

// Connect lets the device in or answers CONNACK 5, the only code that a hub refuses with.
func (h handler) Connect(ctx context.Context, s *mqttserver.Session, c mqttserver.Connect) mqttserver.Accept {
	d, present, err := h.admit(ctx, s, c)
	if err != nil {
		s.Conn().Because(err.Error())
		h.Logger.Info("device refused", "hub", h.Host, "device", c.ClientID, "reason", err)
		return mqttserver.Accept{Code: mqttserver.NotAuthorized} // [DPS-HUB-009]
	}
	s.Value = d
	d.start()
	return mqttserver.Accept{SessionPresent: present, IdleTimeout: idle(c.KeepAlive)}
}

// idle is how long the client may say nothing. Keep-alive 0 does not mean for ever.
func idle(keepAlive time.Duration) time.Duration {
	if keepAlive == 0 {
		return maxIdle
	}
	return min(keepAlive+keepAlive/2, maxIdle)
}

// admit checks a CONNECT and attaches the device. Its error holds no secret.
func (h handler) admit(ctx context.Context, s *mqttserver.Session, c mqttserver.Connect) (d *device, present bool, err error) {
	modelID, token, err := h.check(ctx, s, &c)
	if err != nil {
		return nil, false, err
	}
	d = &device{front: h.Front, session: s, id: c.ClientID, token: token}
	if d.presence, err = h.Registry.Attach(c.ClientID, modelID, d.revoked); err != nil {
		return nil, false, err
	}
	d.subscriptions, present = h.stored.open(c.ClientID, d.presence.Identity.GenerationID, c.CleanSession)
	if present { // [DPS-HUB-021]
		r := Resume{Filters: d.list(), Present: present}
		Resumed.Hit(ctx, h.Points, s.At(mqttserver.StepConnect), &r)
		d.keepOnly(r.Filters)
		present = r.Present
	}
	return d, present, nil
}

// check decides whether the device may come in, and returns the model it claims to be and
// its token, if it has them.
func (h handler) check(ctx context.Context, s *mqttserver.Session, c *mqttserver.Connect) (modelID string, token *sas.Token, err error) {
	if modelID, err = parseUsername(c.Username, h.Host, c.ClientID); err != nil {
		return "", nil, err
	}
	if c.Will != nil {
		if _, ok := telemetryBag(c.Will.Topic, c.ClientID); !ok {
			return "", nil, errors.New("the will is no telemetry of this device")
		}
	}
	var credential registry.Credential
	if len(c.Password) > 0 {
		token, err := sas.Parse(string(c.Password))
		if err != nil {
			return "", nil, fmt.Errorf("the password is no SAS token: %w", err)
		}
		credential.Token = &token
	}
	if certificates := s.Conn().PeerCertificates(); len(certificates) > 0 {
		credential.Certificate = certificates[0]
	}
	verdict := Check{
		Connect: c, Token: credential.Token, Refusal: h.Registry.Authenticate(c.ClientID, credential),
		Identity: func() (registry.Identity, error) { return h.Registry.Get(c.ClientID) },
	}
	var refusal *registry.Refusal
	if errors.As(verdict.Refusal, &refusal) {
		verdict.Reason = refusal.Reason
	}
	Checked.Hit(ctx, h.Points, s.At(mqttserver.StepConnect), &verdict)
	return modelID, credential.Token, verdict.Refusal
}
