package amqpserver_test

import (
	"testing"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/point"
)

// bent is a server with a plan armed for dev-01 at one step, as a fault is. Its handler
// identifies everybody as dev-01 as soon as it can.
func bent(t *testing.T, h amqpserver.Handler, step string, plan point.Plan) *amqpserver.Server {
	t.Helper()
	set := point.NewSet(clock.System())
	if _, err := set.Arm(point.Entry{ID: "test-fault", Build: point.Always(plan)}, point.Address{Listener: "127.0.0.1", Step: step}, nil); err != nil {
		t.Fatal(err)
	}
	return amqpserver.New(h, amqpserver.Options{Points: set, Timeouts: amqpserver.Timeouts{Linger: quick.Linger}})
}
