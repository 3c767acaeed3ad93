package devicefront

import (
	"context"
	"errors"

	"github.com/dpslab/dpslab/fakehub/registry"
	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/sas"
)

// The node where tokens are put, and the names within its messages (iot-hub.md 2.2).
const (
	cbsAddress        = "$cbs"
	putTokenOperation = "put-token"
)

// amqpLogin is a token in force on a connection.
type amqpLogin struct{ expiry clock.Timer }

func (l *amqpLogin) stop() {
	if l.expiry != nil {
		l.expiry.Stop()
	}
}

// login lets a device use links on this connection until its token expires. A second token
// takes the place of the first.
func (s *amqpConn) login(ctx context.Context, deviceID string, c registry.Credential) error {
	if err := s.check(ctx, deviceID, c); err != nil {
		return err
	}
	login := &amqpLogin{}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.logins[deviceID]; old != nil {
		old.stop()
	}
	s.logins[deviceID] = login
	if left := s.front.left(*c.Token); left > 0 {
		login.expiry = s.front.Clock.AfterFunc(left, func() { s.expired(deviceID, login) })
	}
	return nil
}

// check judges a credential.
func (s *amqpConn) check(ctx context.Context, deviceID string, c registry.Credential) error {
	verdict := Login{DeviceID: deviceID, Token: c.Token, Refusal: s.front.Registry.Authenticate(deviceID, c)}
	var refusal *registry.Refusal
	if errors.As(verdict.Refusal, &refusal) {
		verdict.Reason = refusal.Reason
	}
	at := s.conn.At(amqpserver.StepAttach)
	at.Registration = deviceID
	LoggedIn.Hit(ctx, s.front.Points, at, &verdict)
	if verdict.Refusal != nil {
		s.front.Logger.Info("device refused", "hub", s.front.Host, "device", deviceID, "reason", verdict.Refusal)
	}
	return verdict.Refusal
}

// expired ends the links of a device whose token has run out. [DPS-HUB-065]
func (s *amqpConn) expired(deviceID string, login *amqpLogin) {
	s.mu.Lock()
	if s.logins[deviceID] != login { // renewed meanwhile
		s.mu.Unlock()
		return
	}
	d := s.devices[deviceID]
	s.mu.Unlock()
	e := End{Reason: TokenExpired}
	at := s.conn.At(StepEnd)
	at.Registration = deviceID
	if Ended.Hit(context.Background(), s.front.Points, at, &e); e.Ignore {
		return
	}
	s.mu.Lock()
	delete(s.logins, deviceID)
	s.mu.Unlock()
	if d != nil {
		d.end(amqp.Errorf(amqp.UnauthorizedAccess, "%s", TokenExpired))
	}
}

// loggedIn reports whether a device may use links: by a token, or by its certificate.
func (s *amqpConn) loggedIn(ctx context.Context, deviceID string) bool {
	s.mu.Lock()
	login := s.logins[deviceID]
	s.mu.Unlock()
	if login != nil {
		return true
	}
	var c registry.Credential
	if certificates := s.conn.Conn().PeerCertificates(); len(certificates) > 0 {
		c.Certificate = certificates[0]
	}
	return s.check(ctx, deviceID, c) == nil
}

// putToken takes a message to $cbs. It is accepted whatever it says; the verdict comes as a
// message. [DPS-HUB-057]
func (s *amqpConn) putToken(ctx context.Context, d *amqpserver.Delivery) {
	d.Accept()
	status, description := s.judge(ctx, d.Message)
	s.mu.Lock()
	replies := s.replies
	s.mu.Unlock()
	if replies == nil {
		return
	}
	m := &amqp.Message{
		ApplicationProperties: amqp.Map{{"status-code", int32(status)}, {"status-description", description}}, // [DPS-HUB-058]
		Body:                  amqp.Single{},
	}
	if p := d.Message.Properties; p != nil {
		m.Properties = &amqp.Properties{CorrelationID: p.MessageID}
	}
	d.Go(func(ctx context.Context) {
		// A client that is gone wants no answer.
		_, _ = replies.Send(ctx, m, amqpserver.SendOptions{Settled: true})
	})
}

func (s *amqpConn) judge(ctx context.Context, m *amqp.Message) (status int, description string) {
	if m.ApplicationProperties.Text("operation") != putTokenOperation {
		return 400, "the operation is not put-token"
	}
	text, _ := m.Payload()
	token, err := sas.Parse(string(text))
	if err != nil {
		return 401, "Unauthorized: the body is no SAS token"
	}
	deviceID, ok := parseAudience(m.ApplicationProperties.Text("name"), s.front.Host)
	if !ok {
		return 401, "Unauthorized: the name is no device of this hub"
	}
	s.conn.Conn().Transcript().Registration(deviceID)
	if err := s.login(ctx, deviceID, registry.Credential{Token: &token}); err != nil { // [DPS-HUB-061]
		return 401, "Unauthorized"
	}
	return 200, "OK"
}
