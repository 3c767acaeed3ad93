package scenarios

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a time as in 1m30s, 500ms, 2h.
type Duration string

func (d Duration) value() (time.Duration, error) {
	if d == "" {
		return 0, nil
	}
	v, err := time.ParseDuration(string(d))
	if err != nil || v < 0 {
		return 0, fmt.Errorf("is %q; write a time such as 500ms, 30s or 1m30s", string(d))
	}
	return v, nil
}

func (d Duration) must() time.Duration {
	v, _ := d.value() // Parse has refused what is none
	return v
}

// Rate is how many in a time, as in 200/s, 1000/m, 5/h.
type Rate string

func (r Rate) perSecond() (float64, error) {
	if r == "" {
		return 0, nil
	}
	number, unit, _ := strings.Cut(string(r), "/")
	n, err := strconv.ParseFloat(number, 64)
	per := map[string]float64{"s": 1, "m": 60, "h": 3600}[unit]
	if err != nil || per == 0 || !(n >= 0 && n <= 1e6) {
		return 0, fmt.Errorf("is %q; write a rate such as 200/s, 1000/m or 5/h", string(r))
	}
	return n / per, nil
}

func (r Rate) must() float64 {
	v, _ := r.perSecond() // Parse has refused what is none
	return v
}
