package hubclient_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/reference/hubclient"
	"github.com/dpslab/dpslab/reference/provisioning"
)

var device = provisioning.Identity{DeviceID: "dev-01", PrimaryKey: []byte("one"), SecondaryKey: []byte("two")}

// is asserts which of the core's two errors err is; nil for an error that is neither.
func is(t *testing.T, what string, err, want error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error", what)
		return
	}
	for _, e := range []error{provisioning.ErrHubUnauthorized, provisioning.ErrHubUnavailable} {
		if errors.Is(err, e) != (e == want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	if strings.Contains(err.Error(), "hub's own words") || strings.Contains(err.Error(), "SharedAccess") {
		t.Errorf("%s: the error repeats what the hub wrote or was sent: %v", what, err)
	}
}

func TestWhatStatusesMean(t *testing.T) {
	for status, want := range map[int]error{
		401: provisioning.ErrHubUnauthorized, 403: provisioning.ErrHubUnauthorized,
		429: provisioning.ErrHubUnavailable, 500: provisioning.ErrHubUnavailable, 503: provisioning.ErrHubUnavailable,
		400: nil, 404: nil, 409: nil, 201: nil, 301: nil,
	} {
		h := open(t, always(status, `{"Message":"the hub's own words"}`))
		is(t, "assign", h.Assign(t.Context(), device), want)
		_, err := h.Twin(t.Context(), "dev-01")
		is(t, "twin", err, want)
		if status != 404 { // gone already
			is(t, "release", h.Release(t.Context(), "dev-01"), want)
		}
	}
}

func TestOnlyAnIDThatIsTakenIsWrittenOver(t *testing.T) {
	for what, body := range map[string]string{
		"another error":       `{"isSuccessful":false,"errors":[{"errorCode":400004}]}`,
		"errors of two kinds": `{"isSuccessful":false,"errors":[{"errorCode":409001},{"errorCode":409001}]}`,
		"no error":            `{"isSuccessful":false,"errors":[]}`,
		"no JSON":             `<html>`,
		"nothing":             ``,
	} {
		h := open(t, always(400, body))
		is(t, what, h.Assign(t.Context(), device), nil)
		if n := len(h.requests()); n != 1 {
			t.Errorf("%s: %d requests", what, n)
		}
	}
}

func TestARefusedRefreshIsTold(t *testing.T) {
	h := open(t, func(a asked) (int, string) {
		if a.Method == "POST" {
			return 400, exists
		}
		return 401, ""
	})
	is(t, "assign", h.Assign(t.Context(), device), provisioning.ErrHubUnauthorized)
}

func TestAHubThatCannotBeReachedIsUnavailable(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	h, err := hubclient.New(connectionString(), hubclient.Options{
		Clock: clock.Frozen(noon), Address: func(string) string { return closed.Addr().String() },
	})
	if err != nil {
		t.Fatal(err)
	}
	is(t, "assign", h.Assign(t.Context(), device), provisioning.ErrHubUnavailable)
}

// A name without an address may be somebody's real hub: it is not looked up.
func TestAHubWithoutAnAddressIsNotLookedUp(t *testing.T) {
	h, err := hubclient.New(connectionString(), hubclient.Options{Clock: clock.Frozen(noon), Address: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	err = h.Assign(t.Context(), device)
	is(t, "assign", err, provisioning.ErrHubUnavailable)
	if err == nil || !strings.Contains(err.Error(), "not of this lab") {
		t.Errorf("%v does not say why", err)
	}
}

func TestAHubOfAnUnknownAuthorityIsNotTalkedTo(t *testing.T) {
	other := open(t, always(200, ""))
	h, err := hubclient.New(connectionString(), hubclient.Options{ // without the roots
		Clock: clock.Frozen(noon), Address: func(string) string { return other.address },
	})
	if err != nil {
		t.Fatal(err)
	}
	is(t, "assign", h.Assign(t.Context(), device), provisioning.ErrHubUnavailable)
	if n := len(other.requests()); n != 0 {
		t.Errorf("it got %d requests", n)
	}
}

func TestACallEndsWithItsContext(t *testing.T) {
	h := open(t, nil)
	entered, release := make(chan struct{}), make(chan struct{})
	h.answer = func(asked) (int, string) {
		close(entered)
		<-release
		return 200, ""
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Assign(ctx, device) }()
	<-entered
	cancel()
	is(t, "assign", <-done, provisioning.ErrHubUnavailable)
	close(release)
}
