// Package alloc verifies what becomes of a device that registers: which enrollment applies
// to it, which hub it is assigned to, and what the service writes there.
package alloc

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// Checks returns the checks of the family ALLOC.
func Checks() []harness.Check {
	return slices.Concat(enrollmentChecks, policyChecks, linkChecks, wantChecks, hashedChecks, geoChecks, failureChecks, identityChecks, againChecks, credentialChecks, unreachableChecks, versionChecks, webhookChecks, webhookFailures, webhookDelays)
}

// several returns a service with n hubs of its own where the target can make one, and the
// target's elsewhere. Its devices need not wait before they poll.
func several(ctx context.Context, env *harness.Env, t *harness.T, n int, options ...harness.ServiceOption) *harness.Service {
	if env.Control == nil {
		return env.Service(ctx, t)
	}
	options = append(options, harness.WithHubs(env.Hubs(ctx, t, n)...), harness.WithRetryAfter(0))
	return env.Service(ctx, t, options...)
}

// manyHubs and severalDevices are so many that devices which are hashed over all hubs, and
// should not be, do not meet the one right hub by chance: 4^-12 is 6e-8.
const (
	manyHubs       = 4
	severalDevices = 12
)

// last is the hub that was linked last.
func last(s *harness.Service) *harness.Hub { return s.Hubs[len(s.Hubs)-1] }

// at are the members of an enrollment that assign to one hub.
func at(h *harness.Hub) harness.Members {
	return harness.Members{"allocationPolicy": "static", "iotHubs": []string{h.Host}}
}

// devicesOf are n new devices of a group.
func devicesOf(t *harness.T, g *harness.Group, n int) []*harness.Device {
	devices := make([]*harness.Device, n)
	for i := range devices {
		devices[i] = g.Device(t)
	}
	return devices
}

// atOnce bounds how many devices of a check register at the same time.
const atOnce = 8

// hubsOf provisions all devices and returns the host that each was assigned to.
func hubsOf(ctx context.Context, env *harness.Env, t *harness.T, devices []*harness.Device) []string {
	t.Step("%d devices register", len(devices))
	answers, errs := make([]devwire.Answer, len(devices)), make([]error, len(devices))
	var all sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i, d := range devices {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			conn, err := env.Wire.Device(ctx, dps.HTTPS, d.Service.Device, d.Identity)
			if errs[i] = err; err != nil {
				return
			}
			defer conn.Close()
			answers[i], errs[i] = env.Wire.Provision(ctx, conn, nil)
		})
	}
	all.Wait()
	hosts := make([]string, len(devices))
	for i, a := range answers {
		t.Answered(errs[i], "register "+devices[i].RegistrationID)
		t.Expect(a.Status).To(Equal(dps.StatusAssigned), "%s was answered %d %s", devices[i].RegistrationID, a.Code, a.Raw)
		hosts[i] = a.State.AssignedHub
	}
	return hosts
}

// change writes an enrollment or group back with other members.
func change(ctx context.Context, t *harness.T, s *harness.Service, record harness.Members, members ...harness.Members) {
	changed := maps.Clone(record)
	for _, m := range members {
		maps.Copy(changed, m)
	}
	t.Given("the enrollment is changed", func() {
		answer := s.Put(ctx, t, pathOf(record), changed, "*")
		t.Expect(answer.Status).To(BeNumerically("<", 300), "%s", answer.Body)
	})
}

// remove deletes what is at a path of the service API.
func remove(ctx context.Context, t *harness.T, s *harness.Service, path string) {
	t.Given(path+" is deleted", func() { t.Expect(s.Delete(ctx, t, path).Status).To(BeNumerically("<", 300)) })
}

func pathOf(record harness.Members) string {
	if id, ok := record["registrationId"].(string); ok {
		return devwire.EnrollmentPath(id)
	}
	id, _ := record["enrollmentGroupId"].(string)
	return devwire.GroupPath(id)
}

// stateOf is what the service API shows of a device's registration.
func stateOf(ctx context.Context, t *harness.T, d *harness.Device) harness.Members {
	answer := d.Service.Get(ctx, t, devwire.RegistrationPath(d.RegistrationID))
	t.Expect(answer.Status).To(Equal(http.StatusOK), "the registration of "+d.RegistrationID)
	return object(t, answer)
}

// object is the record of an answer.
func object(t *harness.T, a devwire.HTTPResponse) harness.Members {
	record, err := a.JSON()
	t.Answered(err, "read the record")
	return record
}

// inside is a member of a record at a path of names, nil when there is none.
func inside(record harness.Members, names ...string) any {
	var v any = record
	for _, name := range names {
		m, _ := v.(harness.Members)
		v = m[name]
	}
	return v
}
