package interop_test

import (
	"context"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// lookupTime bounds a question that nobody can answer.
const lookupTime = 5 * time.Second

// sealed holds the place where SDKs run to its promise: our names are the lab, and
// nothing leads out.
func sealed(t *testing.T) {
	devices, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range devices {
		if d.Flags&net.FlagLoopback == 0 && d.Flags&net.FlagUp != 0 {
			t.Errorf("network device %s is up beside the loopback device", d.Name)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), lookupTime)
	defer cancel()
	for _, name := range strings.Fields(os.Getenv("DPSLAB_HOSTS")) {
		if at, err := net.DefaultResolver.LookupHost(ctx, name); err != nil || !slices.Equal(at, []string{"127.0.0.1"}) {
			t.Errorf("%s is %q (%v) instead of the lab", name, at, err)
		}
	}
	const elsewhere = "not-the-lab.azure-devices.net"
	if at, err := net.DefaultResolver.LookupHost(ctx, elsewhere); err == nil {
		t.Errorf("%s is %q; no name but the lab's may mean anything", elsewhere, at)
	}
}
