package harness

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/requirement"
	"github.com/dpslab/dpslab/reports"
)

// Check verifies one requirement, or one side of it. Several checks may share an id.
type Check struct {
	Requirement string // id in the catalogue; may be empty when Own is given
	// Own is a requirement that the catalogue does not have, for checks of those who embed
	// the suite. Checks of one id share one.
	Own   *Requirement
	Title string // what is verified, in the words of a sentence without its full stop
	// Transports it runs over, each once, out of those of its requirement. Empty: once,
	// without one.
	Transports []dps.Transport
	Needs      []Need // beside those of its requirement
	Run        func(ctx context.Context, env *Env, t *T)
}

// Requirement is one clause of the catalogue, or one added to it: an id such as
// ACME-BOOT-001 (not DPS-, HUB- or DEV-, which are the catalogue's; the middle word is its
// family), a level (must, should, may), a statement of one sentence, where that is written
// down, evidence (sdk, doc, capture, inferred), and the transports it is about.
type Requirement = requirement.Requirement

// Need is what a target must offer for a check to run; without it the check is skipped.
type Need string

const (
	NeedControl Need = "control" // a lab's control port: services, hubs and clocks of one's own
	NeedHub     Need = "hub"     // a hub whose connection string is known
	// NeedServiceAPI asks for the operators' API. Families that are about it have it by
	// themselves.
	NeedServiceAPI Need = "service-api"
	// NeedLoopback asks that what control makes can have a loopback address of its own, and
	// reaches those of this machine. Where nothing is made nothing lacks it.
	NeedLoopback   Need = "loopback"
	NeedContainers Need = "containers" // a lab of containers, in which a check can start one more
)

// Over lists transports, for Check.Transports.
func Over(transports ...dps.Transport) []dps.Transport { return transports }

// Transports that a device can use, for Check.Transports.
var (
	OverMQTT = Over(dps.MQTT, dps.MQTTWebSocket)
	OverAMQP = Over(dps.AMQP, dps.AMQPWebSocket)
	OverAll  = Over(dps.HTTPS, dps.MQTT, dps.MQTTWebSocket, dps.AMQP, dps.AMQPWebSocket)
)

// Case is one run of a check: over one transport, or over none.
type Case struct {
	Check
	Transport dps.Transport
	Clause    Requirement
}

// Cases lists every run of the checks. It refuses checks that no driver could report: an
// unknown requirement, a transport that the requirement does not have, the same run twice,
// two requirements under one id.
func Cases(checks []Check) ([]Case, error) {
	var cases []Case
	seen := map[string]bool{}
	own := map[string]*Requirement{}
	for _, c := range checks {
		clause, err := c.clause()
		switch {
		case err != nil:
			return nil, fmt.Errorf("check %q: %w", c.Title, err)
		case c.Own != nil && own[clause.ID] != nil && !reflect.DeepEqual(*own[clause.ID], *c.Own):
			return nil, fmt.Errorf("check %q: %s is two requirements; checks of one id share one", c.Title, clause.ID)
		case c.Title == "" || c.Run == nil:
			return nil, fmt.Errorf("a check of %s has no title or nothing to run", clause.ID)
		}
		if c.Requirement = clause.ID; c.Own != nil {
			own[clause.ID] = c.Own
		}
		transports := c.Transports
		if len(transports) == 0 {
			transports = Over(dps.TransportNone)
		}
		for _, transport := range transports {
			one := Case{Check: c, Transport: transport, Clause: clause}
			switch {
			case transport != dps.TransportNone && !slices.Contains(clause.Transports, transport.String()):
				return nil, fmt.Errorf("%s: %q runs over %s; the requirement is about %v", c.Requirement, c.Title, transport, clause.Transports)
			case seen[one.Name()]:
				return nil, fmt.Errorf("%q is there twice", one.Name())
			}
			seen[one.Name()] = true
			cases = append(cases, one)
		}
	}
	return cases, nil
}

// clause is the requirement that the check verifies.
func (c Check) clause() (Requirement, error) {
	switch {
	case c.Own == nil:
		clause, ok := requirement.Find(c.Requirement)
		if !ok {
			return clause, fmt.Errorf("it verifies %q, which is not in the catalogue", c.Requirement)
		}
		return clause, nil
	case c.Requirement != "" && c.Requirement != c.Own.ID:
		return *c.Own, fmt.Errorf("it verifies %q, and its own requirement is %q", c.Requirement, c.Own.ID)
	}
	return *c.Own, c.Own.CheckOwn()
}

// Reported is the requirement as reports carry it.
func (c Case) Reported() reports.Clause {
	r := c.Clause
	return reports.Clause{
		ID: r.ID, Level: r.Level, Statement: r.Statement, Source: r.Source, Evidence: r.Evidence,
		Transports: r.Transports, Needs: r.Needs, Own: c.Own != nil,
	}
}

// Name is unique among cases: "DPS-MQTT-003 over mqtt: the PUBACK comes first".
func (c Case) Name() string {
	if c.Transport == dps.TransportNone {
		return c.Requirement + ": " + c.Title
	}
	return c.Requirement + " over " + c.Transport.String() + ": " + c.Title
}

// Labels are what filters select by, the same for every driver: spec, family, level,
// evidence, transport and needs, each as KEY:VALUE.
func (c Case) Labels() []string {
	labels := []string{
		"spec:" + c.Clause.ID, "family:" + c.Clause.Family(), "level:" + c.Clause.Level, "evidence:" + c.Clause.Evidence,
	}
	if c.Transport != dps.TransportNone {
		labels = append(labels, "transport:"+c.Transport.String())
	}
	for _, need := range c.needs() {
		labels = append(labels, "needs:"+string(need))
	}
	return labels
}

// Filter is a label filter that selects this case's requirement and transport alone.
func (c Case) Filter() string {
	filter := "spec:" + c.Clause.ID
	if c.Transport != dps.TransportNone {
		filter += " && transport:" + c.Transport.String()
	}
	return filter
}

// ofOperators are the families whose checks talk to the service API themselves.
var ofOperators = []string{"SVC", "ETAG", "QRY", "BULK", "ALLOC"}

func (c Case) needs() []Need {
	needs := slices.Clone(c.Needs)
	if slices.Contains(ofOperators, c.Clause.Family()) {
		needs = append(needs, NeedServiceAPI)
	}
	for _, word := range c.Clause.Needs {
		if !slices.Contains(needs, Need(word)) {
			needs = append(needs, Need(word))
		}
	}
	slices.SortFunc(needs, func(a, b Need) int { return strings.Compare(string(a), string(b)) })
	return slices.Compact(needs)
}
