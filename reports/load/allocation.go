package load

import (
	"github.com/dpslab/dpslab/internal/fairness"
)

// Allocation is which hubs the devices were assigned.
type Allocation struct {
	Hubs []HubShare `json:"hubs"` // sorted by host
	// Spread judges whether the shares may be those of the weights; absent where the policy
	// knows no weights, or, with Unjudged, where too few devices came.
	Spread   *Spread `json:"spread,omitempty"`
	Unjudged string  `json:"unjudged,omitempty"` // why not
}

// HubShare is what one hub got.
type HubShare struct {
	Host    string `json:"host"`
	Devices int    `json:"devices"`
	Weight  int    `json:"weight,omitempty"` // of its allocation; 0 where the policy knows no weights
}

// Spread is the verdict of Pearson's chi-squared test.
type Spread struct {
	Statistic  float64 `json:"statistic"`
	Limit      float64 `json:"limit"`      // that a fair spread exceeds less than FalseAlarm of the time
	FalseAlarm float64 `json:"falseAlarm"` // how often a fair spread is found unfair, at most
	Bias       float64 `json:"bias"`       // the smallest that is found 99 times in 100; share of all devices, 0 to 1
	Fair       bool    `json:"fair"`
	Sentence   string  `json:"sentence"`
}

// judge fills in what follows from the counts.
func (a *Allocation) judge() {
	if a == nil {
		return
	}
	a.Spread, a.Unjudged = nil, ""
	counts, weights := map[string]int{}, map[string]int{}
	for _, h := range a.Hubs {
		counts[h.Host] += h.Devices
		if h.Weight > 0 {
			weights[h.Host] = h.Weight
		}
	}
	if len(weights) == 0 {
		return
	}
	v, err := fairness.Judge(counts, weights)
	if err != nil {
		a.Unjudged = err.Error()
		return
	}
	a.Spread = &Spread{Statistic: v.Statistic, Limit: v.Limit, FalseAlarm: fairness.FalseAlarm, Bias: v.Bias, Fair: v.Fair(), Sentence: v.String()}
}
