package harness

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/suites/sut"
)

// pool is what is enrolled at a target already. Individual enrollments serve one check at a
// time, groups all.
//
// A check that waits for a second one while it holds a first could wait for another that
// does the same. So of the enrollments of one sort about half are first ones; the others go
// to one check at a time, which has the pool's only turn. Nobody who holds something waits
// for something that only another such can give back.
type pool struct {
	first, more map[string]chan ready // by sort
	groups      map[string][]ready
	turn        chan struct{} // holds one: of the check that may have more than one

	mu    sync.Mutex
	holds map[*T]*holding
}

// holding is what one check has of a pool.
type holding struct {
	any    bool           // an individual enrollment
	turn   bool           // and may have more than one
	more   map[string]int // how many more, by sort
	groups map[string]int
}

type ready struct {
	id                 string
	primary, secondary []byte
	certificate        *tls.Certificate
	authority          *pki.Authority
}

// openPool reads the ready-made enrollments of a target; nil when it has none.
func openPool(t sut.Target) (*pool, error) {
	if len(t.Enrollments) == 0 {
		return nil, nil
	}
	p := &pool{first: map[string]chan ready{}, more: map[string]chan ready{}, groups: map[string][]ready{}, turn: make(chan struct{}, 1), holds: map[*T]*holding{}}
	individual := map[string][]ready{}
	for i, e := range t.Enrollments {
		one, sort, err := readyMade(e)
		if err != nil {
			return nil, fmt.Errorf("enrollments[%d] of the target file: %w", i, err)
		}
		if e.GroupID != "" {
			p.groups[sort] = append(p.groups[sort], one)
		} else {
			individual[sort] = append(individual[sort], one)
		}
	}
	for sort, list := range individual {
		p.first[sort], p.more[sort] = make(chan ready, len(list)), make(chan ready, len(list))
		for i, one := range list {
			if i%2 == 0 {
				p.first[sort] <- one
			} else {
				p.more[sort] <- one
			}
		}
	}
	return p, nil
}

func readyMade(e sut.Enrollment) (one ready, sort string, err error) {
	one.id = e.RegistrationID + e.GroupID
	if one.primary, one.secondary = e.Keys(); one.primary != nil {
		return one, "symmetric-key", nil
	}
	if e.GroupID != "" {
		one.authority, err = e.Files().Authority()
		return one, "x509", err
	}
	certificate, err := e.Files().Certificate()
	if err != nil {
		return one, "x509", err
	}
	one.certificate = &certificate
	if name := Leaf(certificate).Subject.CommonName; !strings.EqualFold(name, one.id) {
		err = fmt.Errorf("the certificate is of %q, the enrollment of %q", name, one.id)
	}
	return one, "x509", err
}

func (p *pool) enroll(ctx context.Context, t *T, _ *Service, w wanted) enrolled {
	if len(w.extra) > 0 {
		t.Skip(fmt.Sprintf("needs service-api: this check makes an enrollment with %s of its own, and the target file has ready-made ones only",
			strings.Join(slices.Sorted(maps.Keys(w.extra)), ", ")))
	}
	var one ready
	if w.kind == OfGroup {
		one = p.group(t, w.auth)
	} else {
		one = p.take(ctx, t, w.auth)
	}
	t.Step("%s is enrolled already", one.id)
	record := Members{w.kind.IDMember(): one.id, "provisioningStatus": "enabled"}
	return enrolled{record, one.primary, one.secondary, one.certificate, one.authority}
}

// of is what a check holds, forgotten when it ends. A check asks from one goroutine.
func (p *pool) of(t *T) *holding {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.holds[t]
	if h == nil {
		h = &holding{more: map[string]int{}, groups: map[string]int{}}
		p.holds[t] = h
		t.Cleanup(func(context.Context) {
			p.mu.Lock()
			defer p.mu.Unlock()
			delete(p.holds, t)
		})
	}
	return h
}

// group returns a group for this check, and at each call another one.
func (p *pool) group(t *T, sort string) ready {
	h, list := p.of(t), p.groups[sort]
	n := h.groups[sort]
	if n >= len(list) {
		t.Skip(fmt.Sprintf("needs %d enrollment groups by %s: the target file has %d among its enrollments", n+1, sort, len(list)))
	}
	h.groups[sort]++
	return list[n]
}

// take checks an individual enrollment out until the check ends.
func (p *pool) take(ctx context.Context, t *T, sort string) ready {
	h, from := p.of(t), p.first[sort]
	if h.any {
		if h.more[sort]++; h.more[sort] > cap(from)/2 {
			from = nil
		} else {
			from = p.more[sort]
		}
	}
	if from == nil && cap(p.first[sort]) == 0 {
		t.Skip("needs an individual enrollment by " + sort + ": the target file has none among its enrollments")
	}
	if from == nil {
		t.Skip(fmt.Sprintf("needs more individual enrollments by %s than the target file can spare, which has %d: a check may have half of them beside its first",
			sort, cap(p.first[sort])))
	}
	if h.any && !h.turn {
		h.turn = true
		defer t.standStill()()
		select {
		case p.turn <- struct{}{}:
			t.Cleanup(func(context.Context) { <-p.turn })
		case <-ctx.Done():
			t.Must(errors.New("other checks use several"), "wait for a further enrollment")
		}
	}
	h.any = true
	defer t.standStill()()
	select {
	case one := <-from:
		t.Cleanup(func(context.Context) { from <- one })
		return one
	case <-ctx.Done():
		t.Must(errors.New("all are in use by other checks"), "wait for an enrollment by "+sort)
		return ready{}
	}
}
