package identity

import (
	"bytes"
	"fmt"

	"github.com/dpslab/dpslab/internal/pki"
)

// Root is the authority that the fleet's certificates chain to.
func (f *Fleet) Root() (*pki.Authority, error) {
	return f.authority("root", func(o pki.Options) (*pki.Authority, error) {
		return pki.NewRoot(f.authorityName("root CA"), o)
	})
}

// Intermediate is an authority on a level below the root, counted from 1 to Depth. Only
// the lowest level has more than one; branches are counted from 0.
func (f *Fleet) Intermediate(level, branch int) (*pki.Authority, error) {
	if level < 1 || level > f.depth() || branch < 0 || branch >= f.width(level) {
		return nil, fmt.Errorf("the fleet has no intermediate %d on level %d; it has %d levels, the lowest of %d",
			branch, level, f.depth(), f.branches())
	}
	parent, err := f.Root()
	if level > 1 {
		parent, err = f.Intermediate(level-1, 0)
	}
	if err != nil {
		return nil, err
	}
	place := fmt.Sprintf("%d.%d", level, branch)
	return f.authority(place, func(o pki.Options) (*pki.Authority, error) {
		return parent.Intermediate(f.authorityName("CA "+place), o)
	})
}

func (f *Fleet) width(level int) int {
	if level == f.depth() {
		return f.branches()
	}
	return 1
}

func (f *Fleet) authorityName(what string) string { return f.prefix() + " " + what + " " + f.tag() }

// authority makes an authority once and keeps it.
func (f *Fleet) authority(place string, make func(pki.Options) (*pki.Authority, error)) (*pki.Authority, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if a, ok := f.authorities[place]; ok {
		return a, nil
	}
	a, err := make(f.options("authority " + place))
	if err != nil {
		return nil, err
	}
	if f.authorities == nil {
		f.authorities = map[string]*pki.Authority{}
	}
	f.authorities[place] = a
	return a, nil
}

// certificateBytes is what pki draws for one certificate: a key and a serial.
const certificateBytes = pki.P256Bytes + 16

// options make the one certificate of that purpose.
func (f *Fleet) options(purpose string) pki.Options {
	notBefore, notAfter := f.validity()
	now := notBefore.Add(pki.Backdate)
	return pki.Options{Now: now, Lifetime: notAfter.Sub(now), Rand: bytes.NewReader(f.derive(purpose, certificateBytes))}
}
