package devicefront_test

import (
	"testing"
	"time"

	"github.com/dpslab/dpslab/fakehub/devicefront"
)

func TestKeepAlive(t *testing.T) {
	for keepAlive, want := range map[time.Duration]time.Duration{
		60 * time.Second:    90 * time.Second,
		time.Second:         1500 * time.Millisecond,
		1177 * time.Second:  1765500 * time.Millisecond,
		1178 * time.Second:  1767 * time.Second,
		65535 * time.Second: 1767 * time.Second,
		0:                   1767 * time.Second,
	} {
		if got := devicefront.Idle(keepAlive); got != want {
			t.Errorf("keep-alive %v: %v, want %v", keepAlive, got, want)
		}
	}
}
