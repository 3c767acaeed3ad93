package load

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"
)

// Merge adds the runs of the workers of one scenario and judges the sum. Nothing is lost:
// counts and histograms add up, and what follows from them is worked out anew. Runs that do
// not belong together are refused, and so is one that is there twice; a shard that is
// missing leaves the sum Interrupted.
func Merge(runs []Run) (Run, error) {
	if len(runs) == 0 {
		return Run{}, errors.New("there is no run to merge")
	}
	all := runs[0]
	all.Expectations = slices.Clone(all.Expectations)
	for _, r := range runs[1:] {
		if err := all.belongs(r); err != nil {
			return Run{}, err
		}
		all = all.plus(r)
	}
	if missing := all.Shard.missing(); len(missing) > 0 {
		all.Interrupted = append(slices.Clone(all.Interrupted), fmt.Sprintf("of %d shards, %v are missing", all.Shard.Of, missing))
	}
	all.Judge()
	return all, nil
}

// belongs tells why r is no other worker's part of the same run.
func (all Run) belongs(r Run) error {
	for what, same := range map[string]bool{
		"the scenario":          all.Scenario.Digest == r.Scenario.Digest && maps.Equal(all.Scenario.Vars, r.Scenario.Vars),
		"the seed":              all.Seed == r.Seed,
		"the target":            all.Target.Identity == r.Target.Identity,
		"the mode":              all.Mode.Kind == r.Mode.Kind,
		"the number of shards":  all.Shard.Of == r.Shard.Of,
		"the release of dpslab": all.Tool.Version == r.Tool.Version,
		"the expectations": slices.EqualFunc(all.Expectations, r.Expectations, func(a, b Expectation) bool {
			return a.Name == b.Name && reflect.DeepEqual(a.Bound, b.Bound)
		}),
	} {
		if !same {
			return fmt.Errorf("%s of shards %v and %v differs: these are not parts of one run", what, all.Shard.Indexes, r.Shard.Indexes)
		}
	}
	for _, i := range r.Shard.Indexes {
		if slices.Contains(all.Shard.Indexes, i) {
			return fmt.Errorf("shard %d is there twice", i)
		}
	}
	return nil
}

func (all Run) plus(r Run) Run {
	began := all.Began
	if r.Began.Before(began) {
		began = r.Began
	}
	end := all.Began.Add(all.Elapsed)
	if e := r.Began.Add(r.Elapsed); e.After(end) {
		end = e
	}
	first, second := all, r
	if r.Began.Before(all.Began) {
		first, second = r, all
	}
	offset := second.Began.Sub(first.Began)
	all.Series = mergeSeries(first.Series, second.Series, int(offset.Round(time.Second)/time.Second))
	all.Timeline = mergeTimeline(first.Timeline, second.Timeline, offset)
	all.Began, all.Elapsed = began, end.Sub(began)

	all.Answer = all.Answer.plus(r.Answer)
	all.Flows, all.Requests = mergeTraffic(all.Flows, r.Flows), mergeTraffic(all.Requests, r.Requests)
	all.Invariants = mergeInvariants(all.Invariants, r.Invariants)
	all.Allocation = all.Allocation.plus(r.Allocation)
	all.Health = all.Health.plus(r.Health)
	all.Interrupted = union(all.Interrupted, r.Interrupted)
	all.Target.Hubs = union(all.Target.Hubs, r.Target.Hubs)
	all.Shard.Indexes = union(all.Shard.Indexes, r.Shard.Indexes)
	all.Shard.Workers += r.Shard.Workers
	all.Mode.Workers += r.Mode.Workers
	all.Environment.CPUs = max(all.Environment.CPUs, r.Environment.CPUs)
	all.Environment.Descriptors = max(all.Environment.Descriptors, r.Environment.Descriptors)
	return all
}

func (s Shard) missing() []int {
	var missing []int
	for i := 1; i <= s.Of; i++ {
		if !slices.Contains(s.Indexes, i) {
			missing = append(missing, i)
		}
	}
	return missing
}

func mergeTimeline(a, b []Event, offset time.Duration) []Event {
	all := slices.Clone(a)
	for _, e := range b {
		e.At += offset
		all = append(all, e)
	}
	slices.SortStableFunc(all, func(a, b Event) int { return cmp.Compare(a.At, b.At) })
	return all
}

func mergeInvariants(a, b []Invariant) []Invariant {
	all := slices.Clone(a)
	for _, i := range b {
		at := slices.IndexFunc(all, func(j Invariant) bool { return j.Name == i.Name })
		if at < 0 {
			all = append(all, i)
			continue
		}
		sum := &all[at]
		sum.Checked += i.Checked
		sum.Broken += i.Broken
		sum.Examples = slices.Concat(sum.Examples, i.Examples)
		sum.Examples = sum.Examples[:min(len(sum.Examples), maxExamples)]
	}
	return all
}

func (a *Allocation) plus(b *Allocation) *Allocation {
	if a == nil || b == nil {
		return cmp.Or(a, b)
	}
	hubs := map[string]HubShare{}
	for _, h := range slices.Concat(a.Hubs, b.Hubs) {
		h.Devices += hubs[h.Host].Devices
		h.Weight = max(h.Weight, hubs[h.Host].Weight)
		hubs[h.Host] = h
	}
	return &Allocation{Hubs: slices.SortedFunc(maps.Values(hubs), func(a, b HubShare) int { return cmp.Compare(a.Host, b.Host) })}
}

// union is what is in either, sorted, each once.
func union[T cmp.Ordered](a, b []T) []T {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b))))
}
