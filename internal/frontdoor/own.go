package frontdoor

import (
	"math/rand/v2"
	"net/netip"
)

// addressTries bounds the search for a loopback address that nobody has.
const addressTries = 20

// AddOwn lets a host in on a loopback address that nobody has yet, and writes it to
// h.Address. Where loopback is 127.0.0.1 alone, as on macOS, it returns the error of the
// last try.
func (d *Door) AddOwn(h *Host) (err error) {
	for range addressTries {
		h.Address = netip.AddrFrom4([4]byte{127, byte(1 + rand.IntN(254)), byte(rand.IntN(256)), byte(1 + rand.IntN(254))}).String()
		if err = d.Add(h); err == nil {
			return nil
		}
	}
	return err
}
