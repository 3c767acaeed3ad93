package amqpserver_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	goamqp "github.com/Azure/go-amqp"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/point"
)

// These tests have go-amqp for a client, whose codec and state machines are not ours.

// overPipe and the dialers are the ways that a client comes.
func overPipe(t *testing.T, srv *amqpserver.Server) net.Conn {
	t.Helper()
	client, server := net.Pipe()
	served := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(served)
		srv.Serve(ctx, &frontdoor.Conn{Conn: server})
	}()
	t.Cleanup(func() {
		cancel()
		client.Close()
		within(t, "the end of Serve", served)
	})
	return client
}

// everyWay runs a test over a pipe, TLS and a WebSocket.
func everyWay(t *testing.T, h func() *handler, o amqpserver.Options, test func(*testing.T, net.Conn)) {
	t.Run("pipe", func(t *testing.T) { test(t, overPipe(t, amqpserver.New(h(), o))) })
	for transport, dial := range dialers {
		t.Run(transport, func(t *testing.T) {
			d, _ := door(t, amqpserver.New(h(), o))
			test(t, dial(t, d))
		})
	}
}

func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func client(t *testing.T, conn net.Conn, o *goamqp.ConnOptions) *goamqp.Conn {
	t.Helper()
	c, err := goamqp.NewConn(soon(t), conn, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// pair is a session with a receiver and a sender of one address.
func pair(t *testing.T, c *goamqp.Conn, address string) (*goamqp.Receiver, *goamqp.Sender) {
	t.Helper()
	s, err := c.NewSession(soon(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.NewReceiver(soon(t), address, nil)
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.NewSender(soon(t), address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r, w
}

func roundTrip(t testing.TB, r *goamqp.Receiver, w *goamqp.Sender, text string) {
	t.Helper()
	ctx := soon(t)
	if err := w.Send(ctx, goamqp.NewMessage([]byte(text)), nil); err != nil {
		t.Fatal(err)
	}
	m, err := r.Receive(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if string(m.GetData()) != text {
		t.Fatalf("%d bytes came back as %d", len(text), len(m.GetData()))
	}
	if err := r.AcceptMessage(ctx, m); err != nil {
		t.Fatal(err)
	}
}

func TestGoAMQPAuthenticates(t *testing.T) {
	judge := func() *handler {
		h := echo()
		h.mechanisms = []amqp.Symbol{"PLAIN", "EXTERNAL", "ANONYMOUS", "TPM"}
		h.authenticate = func(_ *amqpserver.Conn, s amqpserver.SASLStep) amqpserver.SASLReply {
			if _, user, password, _ := amqpserver.ParsePlain(s.Response); s.Mechanism == "PLAIN" && (user != "user" || password != "pass") {
				return amqpserver.SASLReply{Code: amqp.SASLAuth}
			}
			return amqpserver.SASLReply{}
		}
		return h
	}
	for mechanism, sasl := range map[string]goamqp.SASLType{
		"no SASL": nil, "PLAIN": goamqp.SASLTypePlain("user", "pass"), "ANONYMOUS": goamqp.SASLTypeAnonymous(), "EXTERNAL": goamqp.SASLTypeExternal(""),
	} {
		t.Run(mechanism, func(t *testing.T) {
			everyWay(t, judge, amqpserver.Options{}, func(t *testing.T, conn net.Conn) {
				r, w := pair(t, client(t, conn, &goamqp.ConnOptions{SASLType: sasl}), "a")
				roundTrip(t, r, w, "hello")
			})
		})
	}
	t.Run("refused", func(t *testing.T) {
		everyWay(t, judge, amqpserver.Options{}, func(t *testing.T, conn net.Conn) {
			_, err := goamqp.NewConn(soon(t), conn, &goamqp.ConnOptions{SASLType: goamqp.SASLTypePlain("user", "wrong")})
			if err == nil || !strings.Contains(err.Error(), "SASL PLAIN auth failed with code 0x1") {
				t.Errorf("error %v", err)
			}
		})
	})
}

func TestGoAMQPSendsAndReceivesInFrames(t *testing.T) {
	for _, frame := range []uint32{512, 4096, 65536} {
		t.Run(fmt.Sprint(frame), func(t *testing.T) {
			o := amqpserver.Options{MaxFrame: frame, MaxMessage: 1 << 20, Window: 8}
			everyWay(t, echo, o, func(t *testing.T, conn net.Conn) {
				r, w := pair(t, client(t, conn, &goamqp.ConnOptions{MaxFrameSize: frame}), "a")
				if w.MaxMessageSize() != 1<<20 {
					t.Errorf("max-message-size %d", w.MaxMessageSize())
				}
				for _, size := range []int{0, 1, 400, 500, 600, 5000, 70_000, 200_000} {
					roundTrip(t, r, w, strings.Repeat("x", size))
				}
			})
		})
	}
}

func TestGoAMQPOutcomes(t *testing.T) {
	why := &amqp.Error{Condition: "com.microsoft:argument-error", Description: `{"errorCode":400001}`, Info: amqp.Map{{amqp.Symbol("Retry-After"), int32(5)}}}
	outcomes := make(chan amqp.State, 1)
	h := &handler{
		incoming: func(*amqpserver.Receiver, *amqp.Attach, *amqp.Attach) (amqpserver.Receive, *amqp.Error) {
			return func(_ context.Context, d *amqpserver.Delivery) {
				switch text(d.Message) {
				case "reject":
					d.Reject(why)
				case "release":
					d.Settle(&amqp.Released{})
				default:
					d.Accept()
				}
			}, nil
		},
		outgoing: func(s *amqpserver.Sender, _, _ *amqp.Attach) *amqp.Error {
			s.Conn().Go(func(ctx context.Context) {
				for {
					one, err := s.Send(ctx, data("x"), amqpserver.SendOptions{})
					if err != nil {
						return
					}
					if state, err := one.Outcome(ctx); err == nil {
						outcomes <- state
					}
				}
			})
			return nil
		},
	}
	r, w := pair(t, client(t, overPipe(t, amqpserver.New(h, amqpserver.Options{})), nil), "a")

	err := w.Send(soon(t), goamqp.NewMessage([]byte("reject")), nil)
	var rejected *goamqp.Error
	if !errors.As(err, &rejected) || rejected.Condition != "com.microsoft:argument-error" || rejected.Description != why.Description || rejected.Info["Retry-After"] != int32(5) {
		t.Errorf("rejected with %v", err)
	}
	for word, want := range map[string]string{"release": "*encoding.StateReleased", "accept": "*encoding.StateAccepted"} {
		receipt, err := w.SendWithReceipt(soon(t), goamqp.NewMessage([]byte(word)), nil)
		if err != nil {
			t.Fatal(err)
		}
		if state, err := receipt.Wait(soon(t)); err != nil || fmt.Sprintf("%T", state) != want {
			t.Errorf("%s: %T, %v", word, state, err)
		}
	}

	for _, c := range []struct {
		settle func(context.Context, *goamqp.Message) error
		want   string
	}{
		{r.AcceptMessage, "*amqp.Accepted"},
		{func(ctx context.Context, m *goamqp.Message) error {
			return r.RejectMessage(ctx, m, &goamqp.Error{Condition: "c", Description: "d"})
		}, "*amqp.Rejected"},
		{r.ReleaseMessage, "*amqp.Released"},
		{func(ctx context.Context, m *goamqp.Message) error {
			return r.ModifyMessage(ctx, m, &goamqp.ModifyMessageOptions{DeliveryFailed: true})
		}, "*amqp.Modified"},
	} {
		m, err := r.Receive(soon(t), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.settle(soon(t), m); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%T", within(t, "the outcome", outcomes)); got != c.want {
			t.Errorf("outcome %s, want %s", got, c.want)
		}
	}
}

func TestGoAMQPSettlesSecond(t *testing.T) {
	senders := make(chan *amqpserver.Sender, 1)
	h := sending(senders)
	h.incoming = accepting(make(chan string, 10)).incoming
	s, err := client(t, overPipe(t, amqpserver.New(h, amqpserver.Options{})), nil).NewSession(soon(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.NewReceiver(soon(t), "a", &goamqp.ReceiverOptions{SettlementMode: goamqp.ReceiverSettleModeSecond.Ptr()})
	if err != nil {
		t.Fatal(err)
	}
	one := sends(soon(t), <-senders, "x", amqpserver.SendOptions{})
	m, err := r.Receive(soon(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.AcceptMessage(soon(t), m); err != nil { // which waits for the server's settlement
		t.Fatal(err)
	}
	if state, err := within(t, "Send", one).Outcome(soon(t)); err != nil || !amqp.IsOutcome(state) {
		t.Errorf("the outcome is %v, %v", state, err)
	}
}

func TestGoAMQPIsRefusedALink(t *testing.T) {
	h := &handler{
		incoming: func(*amqpserver.Receiver, *amqp.Attach, *amqp.Attach) (amqpserver.Receive, *amqp.Error) {
			return nil, amqp.Errorf(amqp.UnauthorizedAccess, "put a token first")
		},
		outgoing: func(*amqpserver.Sender, *amqp.Attach, *amqp.Attach) *amqp.Error {
			return amqp.Errorf(amqp.NotFound, "there is nothing here")
		},
	}
	s, err := client(t, overPipe(t, amqpserver.New(h, amqpserver.Options{})), nil).NewSession(soon(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the session lives on
		var refused *goamqp.Error
		if _, err := s.NewSender(soon(t), "a", nil); !errors.As(err, &refused) || refused.Condition != goamqp.ErrCondUnauthorizedAccess || refused.Description != "put a token first" {
			t.Errorf("a sender: %v", err)
		}
		if _, err := s.NewReceiver(soon(t), "a", nil); !errors.As(err, &refused) || refused.Condition != goamqp.ErrCondNotFound {
			t.Errorf("a receiver: %v", err)
		}
	}
}

func TestGoAMQPIsDetachedAndClosed(t *testing.T) {
	senders := make(chan *amqpserver.Sender, 1)
	c := client(t, overPipe(t, amqpserver.New(sending(senders), amqpserver.Options{})), nil)
	s, err := c.NewSession(soon(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.NewReceiver(soon(t), "a", nil)
	if err != nil {
		t.Fatal(err)
	}
	link := <-senders
	link.Detach(amqp.Errorf(amqp.ResourceDeleted, "the device is gone"))
	_, err = r.Receive(soon(t), nil)
	var detached *goamqp.LinkError
	if !errors.As(err, &detached) || detached.RemoteErr == nil || detached.RemoteErr.Condition != goamqp.ErrCondResourceDeleted {
		t.Errorf("a detached link: %v", err)
	}
	link.Conn().Close(amqp.Errorf(amqp.UnauthorizedAccess, "the token has expired"))
	within(t, "the end of the connection", c.Done())
	var closed *goamqp.ConnError
	if err := c.Err(); !errors.As(err, &closed) || closed.RemoteErr == nil || closed.RemoteErr.Condition != goamqp.ErrCondUnauthorizedAccess {
		t.Errorf("a closed connection: %v", err)
	}
}

func TestGoAMQPDrains(t *testing.T) {
	s, err := client(t, overPipe(t, amqpserver.New(&handler{}, amqpserver.Options{})), nil).NewSession(soon(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.NewReceiver(soon(t), "a", &goamqp.ReceiverOptions{Credit: -1})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.IssueCredit(5); err != nil {
			t.Fatal(err)
		}
		if err := r.DrainCredit(soon(t), nil); err != nil {
			t.Fatal(err)
		}
	}
}

func TestGoAMQPIsIdle(t *testing.T) {
	t.Run("and both sides keep the connection alive", func(t *testing.T) {
		c := client(t, overPipe(t, amqpserver.New(echo(), amqpserver.Options{IdleTimeout: 300 * time.Millisecond})),
			&goamqp.ConnOptions{IdleTimeout: 300 * time.Millisecond})
		r, w := pair(t, c, "a")
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		if _, err := r.Receive(ctx, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		roundTrip(t, r, w, "still there")
	})
	t.Run("and notices a server that does not", func(t *testing.T) {
		silent := amqpserver.Keepalive.Plan(func(_ point.Call, k *amqpserver.KeepaliveFrame) { k.Drop = true })
		srv := bentWith(t, &handler{}, amqpserver.Options{}, amqpserver.StepIdle, silent)
		conn, server := connection(t)
		serveOn(t, srv, conn, server)
		c := client(t, conn, &goamqp.ConnOptions{IdleTimeout: 200 * time.Millisecond})
		within(t, "the client's patience", c.Done())
	})
}

func TestGoAMQPWithManyLinks(t *testing.T) {
	everyWay(t, echo, amqpserver.Options{}, func(t *testing.T, conn net.Conn) {
		s, err := client(t, conn, nil).NewSession(soon(t), nil)
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				address := fmt.Sprint("link-", i)
				r, err := s.NewReceiver(soon(t), address, nil)
				if err != nil {
					t.Error(err)
					return
				}
				w, err := s.NewSender(soon(t), address, nil)
				if err != nil {
					t.Error(err)
					return
				}
				for n := range 5 {
					want := fmt.Sprintf("%s/%d/%s", address, n, strings.Repeat("x", n*400))
					if err := w.Send(soon(t), goamqp.NewMessage([]byte(want)), nil); err != nil {
						t.Error(err)
						return
					}
					m, err := r.Receive(soon(t), nil)
					if err != nil || string(m.GetData()) != want {
						t.Errorf("%s: %v", address, err)
						return
					}
					if err := r.AcceptMessage(soon(t), m); err != nil {
						t.Error(err)
						return
					}
				}
				w.Close(soon(t))
				r.Close(soon(t))
			})
		}
		all.Wait()
	})
}
