package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/sut"
)

// What a plan takes for granted of a service that is not here.
const (
	documentedRetryAfter = 3 * time.Second // what captures show (device-api.md 5)
	roundTrip            = 100 * time.Millisecond
)

// plan is what a run at a target would do, as it was counted at a stand-in.
type plan struct {
	target   sut.Target
	run      reports.Run
	counts   harness.Counts
	hooked   map[harness.Kind]int // records that hooks would make
	parallel int
}

// write tells the plan. Its error says that the plan is not whole.
func (p plan) write(w io.Writer) error {
	c, sum := p.counts, p.run.Counts
	fmt.Fprintf(w, "dry run: the checks ran against a lab in the place of %s; nothing was sent to it\n\n", p.target.DPS.Host)
	fmt.Fprintf(w, "checks      %d would run, %d be skipped, %d are not selected\n", sum.Passed+sum.Failed+sum.Errors, sum.Skipped, sum.Disabled)
	fmt.Fprintf(w, "creates     %s; all but the registrations of ready-made groups are removed again\n", strings.Join([]string{
		counted(len(c.Enrollments)+p.hooked[harness.Individual], "enrollment"), counted(len(c.Groups)+p.hooked[harness.OfGroup], "enrollment group"),
		"at most " + counted(len(c.Devices), "registration"), "at most " + counted(len(c.HubIdentities)+len(c.Devices)+p.hooked[harness.HubIdentity], "hub identity"),
	}, ", "))
	fmt.Fprintf(w, "billable    %s and %s; at the hubs %s\n", counted(c.Registrations, "registration"), counted(c.ServiceRequests, "service request"),
		counted(c.HubMessages, "device message"))
	fmt.Fprintf(w, "not billed  %s, %s to the hubs' service APIs\n", counted(c.Polls, "poll"), counted(c.HubRequests, "request"))
	minutes, why := p.minutes()
	fmt.Fprintf(w, "takes       about %s: %s\n", counted(minutes, "minute"), why)
	for _, claim := range p.run.Claims {
		if claim.Claimed && claim.Outcome == reports.Failed {
			fmt.Fprintf(w, "\nwould fail  the claim of %s (%s): %s\n", claim.Name, claim.Note, claim.Change)
		}
	}
	for _, s := range p.run.SkipReasons() {
		var ids []string
		for _, r := range s.Results {
			if id := r.Requirement + over(r); !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
		fmt.Fprintf(w, "\nskips %-5d %s\n  %s\n", len(s.Results), strings.Join(strings.Fields(s.Reason), " "), strings.Join(ids, " "))
	}
	var reds []string
	for _, r := range p.run.Results {
		if r.Outcome.Red() {
			reds = append(reds, r.Requirement+over(r)+": "+r.Failure)
		}
	}
	if len(reds) > 0 {
		return fmt.Errorf("the plan is not whole: %d checks do not come to their end even at a lab, the first is %s", len(reds), reds[0])
	}
	return nil
}

func over(r reports.Result) string {
	if r.Transport == "none" || r.Transport == "" {
		return ""
	}
	return "/" + r.Transport
}

// minutes is how long the run would take, rounded up, and what decides it: a quota, or the
// work that the checks do one after the other in each of their lanes.
func (p plan) minutes() (minutes int, why string) {
	q, c := p.target.Quotas, p.counts
	requests := c.Registrations + c.Polls + c.ServiceRequests + c.HubRequests + c.HubMessages
	longest := p.run.Duration + (time.Duration(c.Polls)*(documentedRetryAfter-time.Second)+time.Duration(requests)*roundTrip)/time.Duration(p.parallel)
	why = fmt.Sprintf("%d checks at once, polls %v apart, %v for a request and its answer", p.parallel, documentedRetryAfter, roundTrip)
	consider := func(n, quota int, what string) {
		if quota == 0 {
			return
		}
		if takes := time.Duration(float64(n) / float64(quota) * float64(time.Minute)); takes > longest {
			longest, why = takes, fmt.Sprintf("%d %s at %d a minute", n, what, quota)
		}
	}
	consider(c.ServiceRequests, q.ServiceRequestsPerMinute, "service requests")
	consider(c.Registrations, q.RegistrationsPerMinute, "registrations")
	for _, n := range c.RegistryRequests {
		consider(n, q.HubRegistryRequestsPerMinute, "registry requests of one hub")
	}
	for _, n := range c.HubQueries {
		consider(n, q.HubQueriesPerMinute, "queries of one hub")
	}
	return int((longest + time.Minute - 1) / time.Minute), why
}
