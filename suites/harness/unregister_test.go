package harness_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/sut"
	. "github.com/onsi/gomega"
)

func TestWhatARegistrationLeftIsRemovedWhenItIsThere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule      string
		registers bool
		other     bool // by another id than it was made with
		states    []string
		looks     int
		deleted   []string
	}{
		{"a device that never asked costs a look", false, false, []string{""}, 1, nil},
		{"a device that is assigned is removed where it was", true, false, []string{"assigned"}, 1,
			[]string{"DELETE /devices/another", "DELETE /registrations/NAME"}},
		{"one that is still assigning is waited for", true, false, []string{"assigning", "assigning", "assigned"}, 3,
			[]string{"DELETE /devices/another", "DELETE /registrations/NAME"}},
		{"one that is not there yet is looked for again", true, false, []string{"", "assigned"}, 2,
			[]string{"DELETE /devices/another", "DELETE /registrations/NAME"}},
		{"one that never comes is removed wherever it may be", true, false, []string{""}, 2,
			[]string{"DELETE /devices/NAME", "DELETE /devices/NAME", "DELETE /registrations/NAME"}},
		{"one that registered by another id is removed by that", false, true, []string{"", "assigned"}, 2,
			[]string{"DELETE /devices/another", "DELETE /registrations/NAME"}},
	} {
		s, target := startScript(t)
		target.Control, s.states = nil, c.states
		second := target.Hubs[0]
		second.Host, second.ConnectionString = "hub-2.test", sut.Secret(strings.Replace(target.Hubs[0].ConnectionString.Reveal(), "hub-1", "hub-2", 1))
		target.Hubs = append(target.Hubs, second)
		r := run(t, open(t, target), plain, func(ctx context.Context, env *harness.Env, t *harness.T) {
			device := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
			switch {
			case c.other:
				device.With(func(id *devwire.Identity) { id.RegistrationID += "-other" }).Try(ctx, t)
			case c.registers:
				device.Try(ctx, t)
			}
			t.Expect(1).To(Equal(1))
		})
		var deleted []string
		looks := 0
		for _, request := range shape(s.requests()) {
			switch {
			case request == "GET /registrations/NAME":
				looks++
			case strings.HasPrefix(request, "DELETE") && request != "DELETE /enrollments/NAME":
				deleted = append(deleted, request)
			}
		}
		slices.Sort(deleted)
		if r.Outcome != reports.Passed || looks != c.looks || !slices.Equal(deleted, c.deleted) {
			t.Errorf("%s: %s %s, %d looks, deleted %q", c.rule, r.Outcome, r.Failure, looks, deleted)
		}
	}
}

func TestAReadyMadeDeviceIsGivenBackWhenItsRegistrationIsOver(t *testing.T) {
	t.Parallel()
	const register, poll = "PUT /0ne1/registrations/bench-1/register", "GET /0ne1/registrations/bench-1/operations/5.1"
	for _, c := range []struct {
		rule  string
		check func(ctx context.Context, t *harness.T, d *harness.Device)
		asked []string
	}{
		{"one that did not register", func(context.Context, *harness.T, *harness.Device) {}, nil},
		{"one that was seen to its end", func(ctx context.Context, t *harness.T, d *harness.Device) { d.Provision(ctx, t) }, []string{register, poll}},
		{"one that was not", func(ctx context.Context, t *harness.T, d *harness.Device) { d.Try(ctx, t) }, []string{register, register, register, poll}},
	} {
		s, target := startScript(t)
		target.Control, target.DPS.ServiceConnectionString, target.Hubs = nil, "", nil
		target.Enrollments = []sut.Enrollment{{RegistrationID: "bench-1", PrimaryKey: sut.Secret(key), SecondaryKey: sut.Secret(key)}}
		s.conflicts = 1
		r := run(t, open(t, target), ofDevices, func(ctx context.Context, env *harness.Env, t *harness.T) {
			c.check(ctx, t, env.Service(ctx, t).SymmetricKeyDevice(ctx, t))
			t.Expect(1).To(Equal(1))
		})
		if asked := s.requests(); r.Outcome != reports.Passed || !slices.Equal(asked, c.asked) {
			t.Errorf("%s: %s %s, asked %q", c.rule, r.Outcome, r.Failure, asked)
		}
	}
}
