package alloc

import (
	"context"
	"encoding/base64"
	"net/http"
	"regexp"
	"sync"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// Error codes of a failed registration (service-api.md 6).
const (
	hubNotSpecified = 400208
	hubUnauthorized = 400209
)

var keyField = regexp.MustCompile(`SharedAccessKey=[^;]*`)

// competitors is how many register requests of one device are sent at once.
const competitors = 8

// failureChecks are about registrations that cannot succeed, or meet each other.
var failureChecks = []harness.Check{{
	Requirement: "DPS-ALLOC-013",
	Title:       "the policy static without a hub fails the registration with errorCode 400208",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		device := env.Service(ctx, t).SymmetricKeyDevice(ctx, t, harness.Members{"allocationPolicy": "static"})
		answer := device.Provision(ctx, t)
		t.Expect(answer.Status).To(Equal(dps.StatusFailed))
		t.Expect(answer.State).To(HaveField("ErrorCode", hubNotSpecified))
	},
}, {
	Requirement: "DPS-ALLOC-015",
	Title:       "a service without any linked hub fails a registration and keeps its record",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t, harness.WithHubs())
		device := s.SymmetricKeyDevice(ctx, t)
		t.Expect(device.Provision(ctx, t).Status).To(Equal(dps.StatusFailed))
		t.Expect(stateOf(ctx, t, device)).To(HaveKeyWithValue("status", "failed"))
		t.Given("the same device is assigned once a hub is linked", func() {
			s.Link(ctx, t, harness.WithHubs(env.Hub(ctx, t)))
			device.Assigned(ctx, t)
		})
	},
}, {
	Requirement: "DPS-ALLOC-023",
	Title:       "a registration fails with errorCode 400209 when the hub refuses the service",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		hub := env.Hub(ctx, t)
		wrongKey := "SharedAccessKey=" + base64.StdEncoding.EncodeToString(harness.Key())
		s := env.Service(ctx, t, harness.WithLink(hub, keyField.ReplaceAllLiteralString(hub.ConnectionString, wrongKey)))
		device := s.SymmetricKeyDevice(ctx, t)
		answer := device.Provision(ctx, t)
		t.Expect(answer.Status).To(Equal(dps.StatusFailed))
		t.Expect(answer.State).To(HaveField("ErrorCode", hubUnauthorized))
		t.Expect(stateOf(ctx, t, device)).To(HaveKeyWithValue("errorCode", BeEquivalentTo(hubUnauthorized)))
		t.Given("the same device is assigned once the hub's own key is linked", func() {
			s.Link(ctx, t, harness.WithHubs(hub))
			device.Assigned(ctx, t)
		})
	},
}, {
	Requirement: "DPS-ALLOC-026",
	Title:       "each of several concurrent register requests of one device is answered with 202 or 409",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		device := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		conns := make([]devwire.Device, competitors)
		for i := range conns {
			conns[i] = device.Connect(ctx, t)
			// HTTPS connects with the first request; nobody may be late for the second.
			_, err := conns[i].Poll(ctx, "unknown")
			t.Answered(err, "poll")
		}
		codes, errs := make([]int, competitors), make([]error, competitors)
		var all sync.WaitGroup
		for i, conn := range conns {
			all.Go(func() {
				var answer devwire.Answer
				answer, errs[i] = conn.Register(ctx, nil)
				codes[i] = answer.Code
			})
		}
		all.Wait()
		for i := range errs {
			t.Answered(errs[i], "register")
		}
		t.Expect(codes).To(HaveEach(BeElementOf(http.StatusAccepted, http.StatusConflict)))
		t.Expect(codes).To(ContainElement(http.StatusAccepted))
		t.Eventually(ctx, func() any {
			return object(t, device.Service.Get(ctx, t, devwire.RegistrationPath(device.RegistrationID)))["status"]
		}).Should(Equal("assigned"))
	},
}}
