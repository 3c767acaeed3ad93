package alloc

import (
	"context"
	"net/http"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// unreachableChecks are about hubs that cannot be reached for a while.
var unreachableChecks = func() (checks []harness.Check) {
	for _, d := range []harness.Disturbance{harness.Refusing, harness.Silent, harness.Stopped, harness.Paused, harness.Cut} {
		checks = append(checks, failsInTime(d), assignsAgain(d))
	}
	for _, d := range []harness.Disturbance{harness.Refusing, harness.Stopped, harness.Paused, harness.Cut} {
		checks = append(checks, doesNotDelayOthers(d))
	}
	for _, d := range []harness.Disturbance{harness.Refusing, harness.Paused} {
		checks = append(checks, triesAgain(d))
	}
	return checks
}()

// disturbed is a service with a hub that is about to become unreachable. A device was
// assigned there just before, so that the service has a connection to it.
func disturbed(ctx context.Context, env *harness.Env, t *harness.T, d harness.Disturbance, others ...*harness.Hub) (*harness.Service, *harness.FragileHub) {
	hub := d.Hub(ctx, env, t)
	s := env.Service(ctx, t, harness.WithRetryAfter(1), harness.WithHubs(append(others, hub.Hub)...))
	s.SymmetricKeyDevice(ctx, t, at(hub.Hub)).Assigned(ctx, t)
	return s, hub
}

// failsHere is what a failed registration tells whose hub cannot be reached.
var failsHere = Or(Equal(hubUnauthorized), And(BeNumerically(">=", 500000), BeNumerically("<", 600000)))

// patience is how long a device waits for its assignment (device-api.md 3.5).
const patience = time.Minute

// whileAway registers a device at a hub that cannot be reached, lets as much of the
// service's time pass as the device waits, and returns what the device is told then.
func whileAway(ctx context.Context, env *harness.Env, t *harness.T, d *harness.Device) (answer devwire.Answer) {
	conn := d.Connect(ctx, t)
	under, err := conn.Register(ctx, nil)
	t.Answered(err, "register")
	poll := func() (dps.Status, error) {
		var err error
		answer, err = conn.Poll(ctx, under.OperationID)
		return answer.Status, err
	}
	t.Expect(poll()).To(Equal(dps.StatusAssigning), "as long as the service tries")
	d.Service.Advance(ctx, t, patience)
	t.Eventually(ctx, poll, env.Timeouts.Assign, pollEvery).ShouldNot(Equal(dps.StatusAssigning))
	return answer
}

// pollEvery is the pause between polls that the service itself asks for at the least.
const pollEvery = time.Second

func failsInTime(d harness.Disturbance) harness.Check {
	return harness.Check{
		Requirement: "DPS-ALLOC-029",
		Title:       "a registration at a hub that " + d.Name + " fails in time",
		Needs:       d.Needs,
		Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
			s, hub := disturbed(ctx, env, t, d)
			device := s.SymmetricKeyDevice(ctx, t, at(hub.Hub))
			hub.Disturb(ctx, t)
			answer := whileAway(ctx, env, t, device)
			t.Expect(answer.Status).To(Equal(dps.StatusFailed))
			t.Expect(answer.State).To(HaveField("ErrorCode", failsHere))
			t.Expect(stateOf(ctx, t, device)).To(HaveKeyWithValue("errorCode", BeEquivalentTo(answer.State.ErrorCode)))
		},
	}
}

func assignsAgain(d harness.Disturbance) harness.Check {
	return harness.Check{
		Requirement: "DPS-ALLOC-030",
		Title:       "a device is assigned once to a hub that " + d.Name + " and is back",
		Needs:       d.Needs,
		Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
			s, hub := disturbed(ctx, env, t, d)
			device := s.SymmetricKeyDevice(ctx, t, at(hub.Hub))
			hub.Disturb(ctx, t)
			t.Given("the device fails meanwhile", func() {
				t.Expect(whileAway(ctx, env, t, device).Status).To(Equal(dps.StatusFailed))
			})
			hub.Restore(ctx, t)
			answer := device.Provision(ctx, t)
			t.Expect(answer.Status).To(Equal(dps.StatusAssigned))
			t.Expect(answer.State).To(HaveField("AssignedHub", hub.Host))
			all, err := hub.Get(ctx, t, "/devices").List()
			t.Answered(err, "read the hub's identities")
			t.Expect(all).To(ContainElement(HaveKeyWithValue("deviceId", answer.State.DeviceID)))
			t.Expect(len(all)).To(BeNumerically("<=", 2), "the device of before, where the hub has not forgotten it, and this one")
			t.Expect(device.AtHub(t, answer).Try(ctx, t)).To(harness.BeAccepted(), "the device at its hub")
		},
	}
}

func doesNotDelayOthers(d harness.Disturbance) harness.Check {
	return harness.Check{
		Requirement: "DPS-ALLOC-031",
		Title:       "devices of other hubs do not wait for a hub that " + d.Name,
		Needs:       d.Needs,
		Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
			sound := env.Hub(ctx, t)
			s, hub := disturbed(ctx, env, t, d, sound)
			unlucky := s.SymmetricKeyDevice(ctx, t, at(hub.Hub))
			others := devicesOf(t, s.SymmetricKeyGroup(ctx, t, at(sound)), atOnce)
			hub.Disturb(ctx, t)
			conn := unlucky.Connect(ctx, t)
			waiting, err := conn.Register(ctx, nil)
			t.Answered(err, "register")
			t.Expect(hubsOf(ctx, env, t, others)).To(HaveEach(sound.Host))
			polled, err := conn.Poll(ctx, waiting.OperationID)
			t.Answered(err, "poll")
			t.Expect(polled.Status).To(Equal(dps.StatusAssigning), "the others took as long as the device of the hub that %s", d.Name)
			for _, other := range others {
				t.Expect(sound.Get(ctx, t, harness.IdentityPath(other.RegistrationID)).Status).To(Equal(http.StatusOK))
			}
			s.Advance(ctx, t, patience) // or the service's end waits for the unlucky one
		},
	}
}

func triesAgain(d harness.Disturbance) harness.Check {
	return harness.Check{
		Requirement: "DPS-ALLOC-032",
		Title:       "a registration under way is assigned when a hub that " + d.Name + " is back at once",
		Needs:       d.Needs,
		Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
			s, hub := disturbed(ctx, env, t, d)
			device := s.SymmetricKeyDevice(ctx, t, at(hub.Hub))
			hub.Disturb(ctx, t)
			conn := device.Connect(ctx, t)
			under, err := conn.Register(ctx, nil)
			t.Answered(err, "register")
			t.Expect(under.Status).To(Equal(dps.StatusAssigning))
			// Held for a moment, so that the service has tried once by now.
			_, err = conn.Poll(ctx, under.OperationID)
			t.Answered(err, "poll")
			hub.Restore(ctx, t)
			t.Eventually(ctx, func() (dps.Status, error) {
				answer, err := conn.Poll(ctx, under.OperationID)
				return answer.Status, err
			}, env.Timeouts.Assign, pollEvery).Should(Equal(dps.StatusAssigned))
		},
	}
}
