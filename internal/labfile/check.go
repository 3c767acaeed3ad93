package labfile

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
)

var (
	// service-api.md 5, narrower where a name is part of a host name.
	serviceName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,48}[a-z0-9]$`)
	hubName     = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?$`)
	idScope     = regexp.MustCompile(`^[0-9A-Za-z]{1,64}$`)
	policies    = []string{"hashed", "geoLatency", "static"}
)

const (
	maxHubs   = 50   // service-api.md 6
	maxWeight = 1000 // service-api.md 4.3
	owner     = "provisioningserviceowner"
)

// Seconds is a time of whole seconds, as in 3s or 1m.
type Seconds string

// Duration is the time. Check has refused what is none.
func (s Seconds) Duration() time.Duration {
	d, _ := time.ParseDuration(string(s))
	return d
}

// Check returns the first field that is wrong, as its path in the lab, and why.
func (l Lab) Check() (string, error) {
	if field, err := l.Hubs.check(); err != nil {
		return "hubs" + field, err
	}
	if field, err := l.Service.check(l.Hubs); err != nil {
		return "service." + field, err
	}
	return "", nil
}

func (h Hubs) check() (string, error) {
	names := map[string]bool{}
	for i, hub := range h {
		at := fmt.Sprintf("[%d].", i)
		switch {
		case hub.count() < 1:
			return at + "count", fmt.Errorf("is %d; write how many hubs are alike, 1 or more", hub.count())
		case hub.count() > 1 && hub.Name != "":
			return at + "name", fmt.Errorf("%q is for one hub, and count is %d; leave out one of them", hub.Name, hub.count())
		case hub.Name != "" && !hubName.MatchString(hub.Name):
			return at + "name", fmt.Errorf("%q is no hub's name; write 1 to 50 lower-case letters, digits and hyphens, no hyphen at either end", hub.Name)
		case names[hub.Name] && hub.Name != "":
			return at + "name", fmt.Errorf("%q is another hub's as well; give each a name of its own", hub.Name)
		case hub.Weight != nil && (*hub.Weight < 1 || *hub.Weight > maxWeight):
			return at + "weight", fmt.Errorf("is %d; write 1 to %d", *hub.Weight, maxWeight)
		}
		names[hub.Name] = true
	}
	total := 0
	for _, hub := range h {
		if total += min(hub.count(), maxHubs+1); total > maxHubs {
			return "", fmt.Errorf("are more than %d; a service is linked to %d at most", maxHubs, maxHubs)
		}
	}
	return "", nil
}

func (s Service) check(hubs Hubs) (string, error) {
	switch {
	case s.Name != "" && !serviceName.MatchString(s.Name):
		return "name", fmt.Errorf("%q is no service's name; write 3 to 50 lower-case letters, digits and hyphens, no hyphen at either end", s.Name)
	case s.IDScope != "" && !idScope.MatchString(s.IDScope):
		return "id_scope", fmt.Errorf("%q is no id scope; write letters and digits, as in 0ne00DEMO01", s.IDScope)
	case s.AllocationPolicy != "" && !slices.Contains(policies, s.AllocationPolicy):
		return "allocation_policy", fmt.Errorf("is %q; write one of %s", s.AllocationPolicy, strings.Join(policies, ", "))
	}
	if s.RetryAfter != nil {
		if d, err := time.ParseDuration(string(*s.RetryAfter)); err != nil || d < 0 || d%time.Second != 0 {
			return "retry_after", fmt.Errorf("is %q; write whole seconds, such as 3s", string(*s.RetryAfter))
		}
	}
	if field, err := s.Limits.check(); err != nil {
		return "limits." + field, err
	}
	if field, err := s.Latencies.check(hubs); err != nil {
		return "latencies" + field, err
	}
	return s.checkPolicies()
}

func (l *Limits) check() (string, error) {
	if l == nil {
		return "", nil
	}
	for _, one := range []struct {
		field string
		limit int
	}{
		{"registrations_per_minute", l.RegistrationsPerMinute}, {"operations_per_minute", l.OperationsPerMinute}, {"polls_per_10_seconds", l.PollsPer10Seconds},
	} {
		if one.limit < 0 {
			return one.field, fmt.Errorf("is %d; write how many there may be, or 0 for no limit", one.limit)
		}
	}
	return "", nil
}

// check names the network in the reason: a path cannot.
func (t Latencies) check(hubs Hubs) (string, error) {
	seen := map[netip.Prefix]string{}
	for cidr, row := range t {
		network, err := netip.ParsePrefix(cidr)
		if err != nil || network.Addr().Is4In6() {
			return "", fmt.Errorf("have the network %q; write one such as 10.0.0.0/8 or fd00::/8", cidr)
		}
		if other := seen[network.Masked()]; other != "" {
			return "", fmt.Errorf("have one network twice, as %s and %s; leave out one of them", min(cidr, other), max(cidr, other))
		}
		seen[network.Masked()] = cidr
		for hub, ms := range row {
			named := func(h Hub) bool { return h.Name == hub && hub != "" }
			if !strings.Contains(hub, ".") && !slices.ContainsFunc(hubs, named) {
				return "", fmt.Errorf("of %s name the hub %q, which this file has not; write the name of a hub here, or a host name", cidr, hub)
			}
			if !(ms >= 0) || math.IsInf(ms, 0) { // neither is NaN
				return "", fmt.Errorf("of %s are %v to %s; write milliseconds, 0 or more", cidr, ms, hub)
			}
		}
	}
	return "", nil
}

func (s Service) checkPolicies() (string, error) {
	names := map[string]bool{owner: true}
	for i, p := range s.Policies {
		at := fmt.Sprintf("policies[%d].", i)
		name := strings.ToLower(p.Name)
		if name == "" || names[name] {
			return at + "name", fmt.Errorf("%q is none, or another policy's; give each a name of its own", p.Name)
		}
		names[name] = true
		if len(p.Rights) == 0 {
			return at + "rights", fmt.Errorf("are missing; write some of %s", strings.Join(Rights, ", "))
		}
		for j, right := range p.Rights {
			if !slices.Contains(Rights, right) {
				return fmt.Sprintf("%srights[%d]", at, j), fmt.Errorf("is %q; write one of %s", right, strings.Join(Rights, ", "))
			}
		}
		for field, key := range map[string]string{"primary_key": p.PrimaryKey, "secondary_key": p.SecondaryKey} {
			if k, err := base64.StdEncoding.DecodeString(key); err != nil || len(k) == 0 {
				return at + field, errors.New("is missing, or is not base64")
			}
		}
	}
	return "", nil
}
