package lab

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/labfile"
	"github.com/dpslab/dpslab/reference"
	"github.com/dpslab/dpslab/reference/allocation"
	"github.com/dpslab/dpslab/reference/document"
	"github.com/dpslab/dpslab/reference/quota"
	"github.com/dpslab/dpslab/reference/serviceapi"
)

// Hub is what a lab's own hub has beside its number.
type Hub struct {
	Name     string // before its domain; default: the state's
	Weight   int    // allocation weight, 1 to 1000; default: 1
	Excluded bool   // takes no part in allocation
}

// Configure puts what a lab file says in the place of what the options say.
func (o *Options) Configure(l labfile.Lab) error {
	s := l.Service
	if s.Name != "" {
		o.Name = s.Name
	}
	if s.IDScope != "" {
		o.IDScope = s.IDScope
	}
	if s.AllocationPolicy != "" {
		o.Policy, _ = document.PolicyOf(s.AllocationPolicy) // a word that Check knows
	}
	if s.RetryAfter != nil {
		o.RetryAfter = s.RetryAfter.Duration()
	}
	if s.Limits != nil {
		o.Limits = quota.Limits{
			Registrations: quota.Rate{Count: s.Limits.RegistrationsPerMinute, Per: time.Minute},
			Operations:    quota.Rate{Count: s.Limits.OperationsPerMinute, Per: time.Minute},
			Polls:         quota.Rate{Count: s.Limits.PollsPer10Seconds, Per: 10 * time.Second},
		}
	}
	if s.NaiveREST != nil {
		o.Plain = !*s.NaiveREST
	}
	if l.Hubs != nil {
		o.HubSpecs = nil
		for _, h := range l.Hubs.Each() {
			spec := Hub{Name: h.Name, Excluded: h.Applies != nil && !*h.Applies}
			if h.Weight != nil {
				spec.Weight = *h.Weight
			}
			o.HubSpecs = append(o.HubSpecs, spec)
		}
		o.Hubs = len(o.HubSpecs)
	}
	o.Latencies = allocation.Table(s.Latencies)
	return o.allow(s.Policies)
}

// allow adds shared access policies.
func (o *Options) allow(policies []labfile.Policy) error {
	for _, p := range policies {
		rights, err := reference.RightsOf(p.Rights)
		if err != nil {
			return fmt.Errorf("shared access policy %q: %w", p.Name, err)
		}
		policy := serviceapi.Policy{Name: p.Name, Rights: rights}
		for key, text := range map[*[]byte]string{&policy.Primary: p.PrimaryKey, &policy.Secondary: p.SecondaryKey} {
			if *key, err = base64.StdEncoding.DecodeString(text); err != nil {
				return fmt.Errorf("shared access policy %q: a key is not base64", p.Name)
			}
		}
		o.Policies = append(o.Policies, policy)
	}
	return nil
}

// hub is what is said of the hub that has a number in the state.
func (o Options) hub(n int) Hub {
	if n <= len(o.HubSpecs) {
		return o.HubSpecs[n-1]
	}
	return Hub{}
}

// latencies are the table with host names in place of the names of hubs. Only a host name
// has a dot.
func (o Options) latencies() allocation.Table {
	t := allocation.Table{}
	for network, row := range o.Latencies {
		t[network] = map[string]float64{}
		for hub, ms := range row {
			if !strings.Contains(hub, ".") {
				hub += "." + o.HubDomain
			}
			t[network][hub] = ms
		}
	}
	return t
}
