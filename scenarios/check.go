package scenarios

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/simulator/fleet"
)

var names = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)

var attestations = map[string]fleet.Attestation{
	"symmetric-key-group": fleet.SymmetricGroup, "symmetric-key": fleet.SymmetricIndividual,
	"x509-group": fleet.X509Group, "x509": fleet.X509Individual, "tpm": fleet.TPM,
}

var transports = map[string]dps.Transport{
	"https": dps.HTTPS, "mqtt": dps.MQTT, "mqtt-ws": dps.MQTTWebSocket, "amqp": dps.AMQP, "amqp-ws": dps.AMQPWebSocket,
}

// problem is a field that is wrong.
type problem struct {
	field string
	err   error
}

// checker collects problems.
type checker struct{ problems []problem }

func (c *checker) add(field string, err error) {
	if err != nil {
		c.problems = append(c.problems, problem{field, err})
	}
}

func (c *checker) demand(ok bool, field, format string, args ...any) {
	if !ok {
		c.add(field, fmt.Errorf(format, args...))
	}
}

func (c *checker) duration(field string, d Duration) {
	_, err := d.value()
	c.add(field, err)
}

func (c *checker) rate(field string, r Rate) {
	_, err := r.perSecond()
	c.add(field, err)
}

// check finds all that is wrong with a file that could be read.
func (s Scenario) check() []problem {
	var c checker
	c.demand(s.Dpslab == Version, "dpslab", "is %q; a scenario file begins with dpslab: %s", s.Dpslab, Version)
	c.demand(names.MatchString(s.Name), "name", "is %q; write 1 to 40 lower-case letters, digits and hyphens", s.Name)
	c.demand(s.Title != "", "title", "is missing: one line that says what the scenario shows")
	c.duration("deadline", s.Deadline)
	c.demand(s.Deadline != "", "deadline", "is missing: when everything is switched off, such as 5m")
	s.Fleet.check(&c)
	s.Load.check(&c)
	s.Expect.check(&c)
	if c.problems == nil {
		c.add("fleet", s.spec(s.Fleet.Devices).Validate())
	}
	return c.problems
}

func (f Fleet) check(c *checker) {
	c.demand(f.Devices > 0, "fleet.devices", "is %d; write how many there are, 1 to 999999", f.Devices)
	c.demand(len(f.Mix) > 0, "fleet.mix", "is missing: what the devices are")
	for i, s := range f.Mix {
		at := fmt.Sprintf("fleet.mix[%d].", i)
		oneOf(c, at+"attestation", s.Attestation, attestations)
		oneOf(c, at+"transport", s.Transport, transports)
		if s.HubTransport != "" {
			oneOf(c, at+"hub_transport", s.HubTransport, transports)
		}
		for field, d := range map[string]Duration{"stay": s.Stay, "reregister": s.Reregister, "reboot": s.Reboot, "dark": s.Dark, "rollover": s.Rollover} {
			c.duration(at+field, d)
		}
		if s.Telemetry != nil {
			c.duration(at+"telemetry.interval", s.Telemetry.Interval)
		}
	}
	c.demand(f.Retry.Initial != "", "fleet.retry.initial", "is missing: how long a device waits after its first try that failed, such as 2s")
	for field, d := range map[string]Duration{"initial": f.Retry.Initial, "cap": f.Retry.Cap, "gives_up_after": f.Retry.GivesUpAfter} {
		c.duration("fleet.retry."+field, d)
	}
}

func oneOf[T any](c *checker, field, word string, known map[string]T) {
	_, ok := known[word]
	c.demand(ok, field, "is %q; write one of %s", word, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
}

func (l Load) check(c *checker) {
	c.demand((l.Closed > 0) != (len(l.Stages) > 0), "load", "needs either closed, how many devices at a time, or stages")
	c.demand(l.Most >= 0, "load.most", "is %d; write how many devices may be powered at once", l.Most)
	for i, s := range l.Stages {
		at := fmt.Sprintf("load.stages[%d]", i)
		kinds := 0
		for _, is := range []bool{s.Constant != "", s.Poisson != "", s.Ramp != nil, s.Burst != 0} {
			if is {
				kinds++
			}
		}
		c.demand(kinds == 1, at, "is %d of constant, poisson, ramp and burst; a stage is one", kinds)
		for field, r := range map[string]Rate{".constant": s.Constant, ".poisson": s.Poisson} {
			v, err := r.perSecond()
			c.add(at+field, err)
			c.demand(err != nil || r == "" || v > 0, at+field, "starts nothing; write a rate above 0")
		}
		c.duration(at+".for", s.For)
		c.demand(s.Burst >= 0, at+".burst", "is %d; write how many at once", s.Burst)
		if s.Ramp != nil {
			c.rate(at+".ramp.from", s.Ramp.From)
			c.rate(at+".ramp.to", s.Ramp.To)
			c.demand(s.For != "", at+".for", "is missing: how long the ramp takes")
		}
		c.demand(s.For != "" || s.Burst > 0 || i == len(l.Stages)-1, at+".for", "is missing: only the last stage can go on until all devices are on")
	}
}

func (e Expect) check(c *checker) {
	for field, list := range map[string][]Within{"assigned_within": e.AssignedWithin, "telemetry_within": e.TelemetryWithin, "request_latency": e.RequestLatency} {
		for i, w := range list {
			at := fmt.Sprintf("expect.%s[%d].", field, i)
			c.demand(w.Share > 0 && w.Share <= 1, at+"share", "is %g; write a share above 0, up to 1", w.Share)
			c.duration(at+"time", w.Time)
			c.demand(w.Time != "", at+"time", "is missing")
		}
	}
	c.demand(e.Unprovisioned == nil || *e.Unprovisioned >= 0, "expect.unprovisioned", "is below 0")
	if e.RequestErrors != nil && (*e.RequestErrors < 0 || *e.RequestErrors > 1) {
		c.add("expect.request_errors", errors.New("is a share, 0 to 1"))
	}
}
