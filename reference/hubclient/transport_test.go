package hubclient_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/sas"
	"github.com/dpslab/dpslab/reference/hubclient"
	"github.com/dpslab/dpslab/reference/provisioning"
)

func TestATokenIsCachedAndRenewedByTheServicesClock(t *testing.T) {
	h := open(t, always(200, `{}`))
	call := func() sas.Token {
		t.Helper()
		if _, err := h.Twin(t.Context(), "dev-01"); err != nil {
			t.Fatal(err)
		}
		all := h.requests()
		return token(t, all[len(all)-1])
	}
	first := call()
	if !first.VerifiedBy(key) || !first.Names(host) || first.Policy != policy || !first.Expiry.Equal(noon.Add(time.Hour)) {
		t.Errorf("token %s until %v", first, first.Expiry)
	}
	h.clock.Advance(50 * time.Minute)
	if again := call(); !again.Expiry.Equal(first.Expiry) {
		t.Errorf("a token with ten minutes left was not used again: %v", again.Expiry)
	}
	h.clock.Advance(time.Second)
	if next := call(); !next.Expiry.Equal(noon.Add(50*time.Minute + time.Second + time.Hour)) {
		t.Errorf("with less left it was renewed until %v", next.Expiry)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	h := open(t, always(307, ""))
	is(t, "assign", h.Assign(t.Context(), device), nil)
	if all := h.requests(); len(all) != 1 {
		t.Errorf("%d requests", len(all))
	}
}

// The certificate is judged by the service's clock as well.
func TestAHubWhoseCertificateHasExpiredIsNotTalkedTo(t *testing.T) {
	h := open(t, always(200, ""))
	h.clock.Advance(2 * 365 * 24 * time.Hour)
	if err := h.Assign(t.Context(), device); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("%v", err)
	}
}

// net/http reads the proxy variables once a process, so they are set for a child.
func TestNoProxyIsUsed(t *testing.T) {
	if os.Getenv("DPSLAB_TEST_CHILD") == "" {
		child := exec.Command(os.Args[0], "-test.run=^TestNoProxyIsUsed$")
		child.Env = append(os.Environ(), "DPSLAB_TEST_CHILD=1", "HTTPS_PROXY=http://127.0.0.1:1", "https_proxy=http://127.0.0.1:1", "NO_PROXY=", "no_proxy=")
		if out, err := child.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	h := open(t, always(200, ""))
	if err := h.Assign(t.Context(), device); err != nil {
		t.Error(err)
	}
}

// A hub that was cut off and is back elsewhere leaves connections on which nobody answers.
func TestConnectionsToAHubThatDidNotAnswerAreGivenUp(t *testing.T) {
	arrived, hold := make(chan struct{}), make(chan struct{})
	var pair sync.WaitGroup
	pair.Add(2)
	h := open(t, func(a asked) (int, string) {
		switch {
		case strings.Contains(a.Path, "pair"):
			pair.Done()
			pair.Wait() // so that there are two connections
		case strings.HasSuffix(a.Path, "silence"):
			close(arrived)
			<-hold
		}
		return 200, "{}"
	})
	t.Cleanup(func() { close(hold) })
	var both sync.WaitGroup
	for _, id := range []string{"pair-1", "pair-2"} {
		both.Go(func() {
			if _, err := h.Twin(t.Context(), id); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	if _, err := h.Twin(ctx, "silence"); !errors.Is(err, provisioning.ErrHubUnavailable) {
		t.Errorf("a hub that says nothing: %v", err)
	}
	if _, err := h.Twin(t.Context(), "later"); err != nil {
		t.Fatal(err)
	}
	all := h.requests()
	for _, earlier := range all[:3] {
		if last := all[3]; last.From == earlier.From {
			t.Errorf("%s came on the connection of %s", last.Path, earlier.Path)
		}
	}
}

func TestConnectionStringsThatAreNone(t *testing.T) {
	for _, s := range []string{"", "HostName=h", strings.Replace(connectionString(), "HostName", "Name", 1)} {
		_, err := hubclient.New(s, hubclient.Options{Clock: clock.Frozen(noon)})
		if err == nil || strings.Contains(err.Error(), "MDEy") {
			t.Errorf("%v", err)
		}
	}
}

func TestHostIsTheHubsName(t *testing.T) {
	if got := open(t, always(200, "")).Host(); got != host {
		t.Errorf("%q", got)
	}
}
