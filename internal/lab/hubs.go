package lab

import (
	"github.com/dpslab/dpslab/fakehub/serviceapi"
	"github.com/dpslab/dpslab/internal/sas"
)

// LinkedHub is a hub that another process serves: one of the same state by its number, or
// any by its connection string.
type LinkedHub struct {
	Number           int
	ConnectionString string
	Address          string // "host:port" that is dialled; empty: its name, port 443
}

// hubs are the numbers of the hubs to make.
func (o Options) hubs() []int {
	if o.OnlyHub > 0 {
		return []int{o.OnlyHub}
	}
	numbers := make([]int, o.Hubs)
	for i := range numbers {
		numbers[i] = i + 1
	}
	return numbers
}

// connectionString is what a hub is linked with. Processes that share a state know each
// other's keys.
func (s *State) connectionString(h LinkedHub, domain string) string {
	if h.Number == 0 {
		return h.ConnectionString
	}
	return sas.ConnectionString{
		HostName: s.hubName(h.Number) + "." + domain, SharedAccessKeyName: serviceapi.Policy, SharedAccessKey: s.hubKey(h.Number),
	}.Reveal()
}
