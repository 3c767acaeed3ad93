package amqpserver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
	"github.com/dpslab/dpslab/internal/frontdoor"
)

// python has Debian's packages, whatever else is called python3.
const python = "/usr/bin/python3"

// needProton skips a test where qpid-proton is not installed or DPSLAB_INTEROP is skip, or
// fails it when that is required. internal/make/proton.sh tells what was skipped.
func needProton(t *testing.T) {
	t.Helper()
	mode := os.Getenv("DPSLAB_INTEROP")
	if mode == "skip" {
		t.Skip("NOT RUN: DPSLAB_INTEROP=skip")
	}
	out, err := exec.Command(python, "-c", "import proton").CombinedOutput()
	switch {
	case err == nil:
	case mode == "required":
		t.Fatalf("qpid-proton is missing; on Debian: apt-get install python3-qpid-proton: %v: %s", err, out)
	default:
		t.Skip("NOT RUN: qpid-proton is missing; on Debian: apt-get install python3-qpid-proton")
	}
}

// protonServer echoes, and misbehaves at some addresses.
func protonServer() *amqpserver.Server {
	h := echo()
	h.mechanisms = []amqp.Symbol{"PLAIN", "ANONYMOUS", "EXTERNAL", "TPM"}
	h.authenticate = func(_ *amqpserver.Conn, s amqpserver.SASLStep) amqpserver.SASLReply {
		if _, user, password, _ := amqpserver.ParsePlain(s.Response); s.Mechanism == "PLAIN" && (user != "user" || password != "pass") {
			return amqpserver.SASLReply{Code: amqp.SASLAuth}
		}
		return amqpserver.SASLReply{}
	}
	echoed, back := h.incoming, h.outgoing
	h.incoming = func(r *amqpserver.Receiver, asked, reply *amqp.Attach) (amqpserver.Receive, *amqp.Error) {
		switch r.Address() {
		case "rejecting":
			return func(_ context.Context, d *amqpserver.Delivery) {
				d.Reject(&amqp.Error{Condition: amqp.NotAllowed, Description: "never", Info: amqp.Map{{amqp.Symbol("retry-after"), int32(3)}}})
			}, nil
		case "closing":
			r.Conn().Close(amqp.Errorf(amqp.UnauthorizedAccess, "the token has expired"))
			return nil, nil
		case "nowhere":
			return nil, amqp.Errorf(amqp.NotFound, "there is nothing to send to")
		}
		return echoed(r, asked, reply)
	}
	h.outgoing = func(s *amqpserver.Sender, asked, reply *amqp.Attach) *amqp.Error {
		switch {
		case asked.Source.Dynamic:
			reply.Source.Address = "made-up"
		case s.Address() == "nowhere":
			return amqp.Errorf(amqp.UnauthorizedAccess, "put a token first")
		}
		return back(s, asked, reply)
	}
	return amqpserver.New(h, amqpserver.Options{MaxFrame: 4096, ChannelMax: 99, Credit: 10, Window: 20, IdleTimeout: 500 * time.Millisecond})
}

// listening serves a server's connections on a port of its own, without TLS.
func listening(t *testing.T, srv *amqpserver.Server) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(ended)
		var all sync.WaitGroup
		defer all.Wait()
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { srv.Serve(ctx, &frontdoor.Conn{Conn: conn}) })
		}
	}()
	t.Cleanup(func() {
		l.Close()
		cancel()
		within(t, "the end of the listener", ended)
	})
	return l.Addr().String()
}

// TestProton has qpid-proton for a client, in Python.
func TestProton(t *testing.T) {
	needProton(t)
	plain := "amqp://" + listening(t, protonServer())
	d, _ := door(t, protonServer())
	overTLS := fmt.Sprintf("amqps://127.0.0.1:%d", d.Ports().AMQPS)
	said := map[string]any{"body": "hello", "frame": 4096.0, "channels": 99.0}
	for _, c := range []struct {
		scenario string
		want     map[string]any
	}{
		{"none", said},
		{"anonymous", said},
		{"plain", said},
		{"wrong", map[string]any{"refused": true}},
		{"frames", map[string]any{"same": true}},
		{"types", map[string]any{"differ": []any{}}},
		{"rejected", map[string]any{"state": "REJECTED", "name": "amqp:not-allowed", "description": "never", "info": map[string]any{"retry-after": 3.0}}},
		{"refused", map[string]any{
			"sender":   "Condition('amqp:not-found', 'there is nothing to send to')",
			"receiver": "Condition('amqp:unauthorized-access', 'put a token first')",
		}},
		{"settled", map[string]any{"same": true}},
		{"dynamic", map[string]any{"address": "made-up"}},
		{"idle", map[string]any{"body": "still here"}},
		{"closed", map[string]any{"closed": "Condition('amqp:unauthorized-access', 'the token has expired')"}},
	} {
		for transport, url := range map[string]string{"TCP": plain, "TLS": overTLS} {
			t.Run(c.scenario+" over "+transport, func(t *testing.T) {
				t.Parallel()
				cmd := exec.CommandContext(soon(t), python, "testdata/proton/client.py", c.scenario, url)
				var errors bytes.Buffer
				cmd.Stderr = &errors
				out, err := cmd.Output()
				if err != nil {
					t.Fatalf("%v: %s", err, errors.Bytes())
				}
				var got map[string]any
				if err := json.Unmarshal(out, &got); err != nil || !reflect.DeepEqual(got, c.want) {
					t.Errorf("got %s, %v", out, err)
				}
			})
		}
	}
}
