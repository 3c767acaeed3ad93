package fakehub_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	goamqp "github.com/Azure/go-amqp"

	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/internal/sas"
	"github.com/dpslab/dpslab/internal/telemetry"
)

// amqp opens a session of a client that logs in so, or begins with AMQP for nil.
func (h *hub) amqp(login goamqp.SASLType, certificate *tls.Certificate) (*goamqp.Session, error) {
	h.t.Helper()
	config := &tls.Config{RootCAs: roots(), ServerName: h.Host()}
	if certificate != nil {
		config.Certificates = []tls.Certificate{*certificate}
	}
	conn, err := tls.Dial("tcp", net.JoinHostPort(h.Address(), strconv.Itoa(h.door.Ports().AMQPS)), config)
	if err != nil {
		h.t.Fatal(err)
	}
	c, err := goamqp.NewConn(h.soon(patience), conn, &goamqp.ConnOptions{HostName: h.Host(), SASLType: login})
	if err != nil {
		conn.Close()
		return nil, err
	}
	h.t.Cleanup(func() { c.Close() })
	return c.NewSession(h.soon(patience), nil)
}

func (h *hub) soon(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	h.t.Cleanup(cancel)
	return ctx
}

func (h *hub) token(id string) string {
	return sas.Sign(h.Host()+"/devices/"+id, primary, h.Clock().Now().Add(time.Hour), "")
}

// brief is how long a test waits for what a defect may keep back.
const brief = time.Second

// putToken is the answer to a put-token, nil for none.
func (h *hub) putToken(s *goamqp.Session, id string) *goamqp.Message {
	h.t.Helper()
	sender, err := s.NewSender(h.soon(patience), "$cbs", nil)
	if err != nil {
		h.t.Fatal(err)
	}
	receiver, err := s.NewReceiver(h.soon(patience), "$cbs", nil)
	if err != nil {
		h.t.Fatal(err)
	}
	err = sender.Send(h.soon(patience), &goamqp.Message{
		Properties:            &goamqp.MessageProperties{MessageID: goamqp.UUID{1}},
		ApplicationProperties: map[string]any{"operation": "put-token", "name": h.Host() + "/devices/" + id},
		Value:                 h.token(id),
	}, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	answer, err := receiver.Receive(h.soon(brief), nil)
	if err != nil {
		return nil
	}
	return answer
}

// online is a session of a device whose token is in force.
func (h *hub) onlineAMQP(id string) *goamqp.Session {
	h.t.Helper()
	s, err := h.amqp(nil, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	h.putToken(s, id)
	return s
}

// tokenAnswer tells the types in the answer to a put-token.
func tokenAnswer(h *hub) string {
	s, err := h.amqp(nil, nil)
	if err != nil {
		return err.Error()
	}
	answer := h.putToken(s, "d1")
	if answer == nil {
		return "no answer"
	}
	return fmt.Sprintf("%T %T", answer.Properties.CorrelationID, answer.ApplicationProperties["status-code"])
}

// sends tells what comes of telemetry.
func sends(h *hub, s *goamqp.Session, id, body string) string {
	sender, err := s.NewSender(h.soon(patience), "/devices/"+id+"/messages/events", nil)
	if err == nil {
		err = sender.Send(h.soon(patience), goamqp.NewMessage([]byte(body)), nil)
	}
	return fmt.Sprint(err == nil)
}

// twinAnswer asks to be notified, and returns the links and the answer.
func twinAnswer(h *hub) (*goamqp.Receiver, *goamqp.Message) {
	h.t.Helper()
	s := h.onlineAMQP("d1")
	receiver, err := s.NewReceiver(h.soon(patience), "/devices/d1/twin", nil)
	if err != nil {
		h.t.Fatal(err)
	}
	sender, err := s.NewSender(h.soon(patience), "/devices/d1/twin", nil)
	if err != nil {
		h.t.Fatal(err)
	}
	err = sender.Send(h.soon(patience), &goamqp.Message{
		Annotations: goamqp.Annotations{"operation": "PUT", "resource": "/notifications/twin/properties/desired"},
		Data:        [][]byte{{}},
	}, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	answer, err := receiver.Receive(h.soon(patience), nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return receiver, answer
}

var amqpProbes = map[string]func(h *hub) string{
	"hub-amqp-token-unanswered":    tokenAnswer,
	"hub-amqp-status-as-text":      tokenAnswer,
	"hub-amqp-correlation-as-text": tokenAnswer,
	"hub-amqp-any-device": func(h *hub) string {
		s, err := h.amqp(nil, nil)
		if err != nil {
			return err.Error()
		}
		return sends(h, s, "d1", "x")
	},
	"hub-amqp-no-plain": func(h *hub) string {
		name, _, _ := strings.Cut(h.Host(), ".")
		_, err := h.amqp(goamqp.SASLTypePlain("d1@sas."+name, h.token("d1")), nil)
		return fmt.Sprint(err == nil)
	},
	"hub-amqp-certificate-is-not-enough": func(h *hub) string {
		certificate, err := pki.SelfSigned("x1", pki.Options{Now: now})
		if err != nil {
			h.t.Fatal(err)
		}
		h.must("PUT", "/devices/x1", fmt.Sprintf(`{"authentication":{"type":"selfSigned","x509Thumbprint":{"primaryThumbprint":"%x"}}}`,
			sha256.Sum256(certificate.Certificate[0])))
		s, err := h.amqp(nil, &certificate)
		if err != nil {
			return err.Error()
		}
		return sends(h, s, "x1", "x")
	},
	"hub-amqp-telemetry-lost": func(h *hub) string {
		sends(h, h.onlineAMQP("d1"), "d1", "x")
		sends(h, h.onlineAMQP("d2"), "d2", "x")
		return fmt.Sprint(len(h.Telemetry().Events(telemetry.Filter{})))
	},
	"hub-amqp-large-telemetry-accepted": func(h *hub) string {
		return sends(h, h.onlineAMQP("d1"), "d1", strings.Repeat("x", 256<<10+1))
	},
	"hub-amqp-twin-status-long": func(h *hub) string {
		_, answer := twinAnswer(h)
		return fmt.Sprintf("%T", answer.Annotations["status"])
	},
	"hub-amqp-desired-unsent": func(h *hub) string {
		receiver, _ := twinAnswer(h)
		h.must("PATCH", "/twins/d1", `{"properties":{"desired":{"a":1}}}`)
		_, err := receiver.Receive(h.soon(brief), nil)
		return fmt.Sprint(err == nil)
	},
	"hub-amqp-method-without-body": func(h *hub) string {
		receiver, err := h.onlineAMQP("d1").NewReceiver(h.soon(patience), "/devices/d1/methods/devicebound", nil)
		if err != nil {
			return err.Error()
		}
		called := make(chan struct{})
		go func() {
			defer close(called)
			h.rest("POST", "/twins/d1/methods", `{"methodName":"m","responseTimeoutInSeconds":5}`)
		}()
		m, err := receiver.Receive(h.soon(patience), nil)
		if err != nil {
			h.t.Error(err)
			return ""
		}
		receiver.Close(h.soon(patience)) // the call ends with the link
		<-called
		return fmt.Sprint(len(m.Data))
	},
}
