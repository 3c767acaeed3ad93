package sweep_test

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/sut"
	"github.com/dpslab/dpslab/suites/sweep"
)

// shelf is a service API and a hub in one, with records that a test put there.
type shelf struct {
	mu        sync.Mutex
	records   map[string]bool // by their paths
	group     map[string]string
	throttles int
	refuses   string // a path that cannot be deleted
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.throttles > 0 {
		s.throttles--
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	switch {
	case strings.HasSuffix(r.URL.Path, "/query"):
		s.query(w, r)
	case !s.records[r.URL.Path]:
		w.WriteHeader(http.StatusNotFound)
	case r.Method == http.MethodDelete && r.URL.Path == s.refuses:
		w.WriteHeader(http.StatusConflict)
	case r.Method == http.MethodDelete:
		delete(s.records, r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	default:
		fmt.Fprint(w, "{}")
	}
}

// query answers two records a page.
func (s *shelf) query(w http.ResponseWriter, r *http.Request) {
	collection := strings.TrimSuffix(r.URL.Path, "/query")
	var ids []string
	for path := range s.records {
		folder, id, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
		group, ofGroup := strings.CutPrefix(collection, "/registrations/")
		if "/"+folder == collection || ofGroup && folder == "registrations" && s.group[id] == group {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	from, _ := strconv.Atoi(r.Header.Get("x-ms-continuation"))
	page := ids[min(from, len(ids)):min(from+2, len(ids))]
	if from+2 < len(ids) {
		w.Header().Set("x-ms-continuation", strconv.Itoa(from+2))
	}
	list := []map[string]any{}
	for _, id := range page {
		list = append(list, map[string]any{"registrationId": id, "enrollmentGroupId": id, "deviceId": id})
	}
	json.NewEncoder(w).Encode(list)
}

func (s *shelf) left() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []string
	for path := range s.records {
		list = append(list, path)
	}
	slices.Sort(list)
	return list
}

func shelved(t *testing.T, paths ...string) (*shelf, *harness.Env) {
	t.Helper()
	root, err := pki.NewRoot("shelf", pki.Options{Now: clock.System().Now()})
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := root.Server([]string{"dps.test", "hub.test"}, []net.IP{net.IPv4(127, 0, 0, 1)}, pki.Options{Now: clock.System().Now()})
	if err != nil {
		t.Fatal(err)
	}
	s := &shelf{records: map[string]bool{}, group: map[string]string{}}
	for _, path := range paths {
		s.records[path] = true
	}
	server := httptest.NewUnstartedServer(s)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.StartTLS()
	t.Cleanup(server.Close)
	at, _ := url.Parse(server.URL)
	port, _ := strconv.Atoi(at.Port())
	roots := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(roots, pki.PEM(root.Certificate), 0o600); err != nil {
		t.Fatal(err)
	}
	const credential = ";SharedAccessKeyName=o;SharedAccessKey=c2VjcmV0"
	env, err := harness.Open(t.Context(), sut.Target{
		DPS: sut.DPS{
			Host: "dps.test", ServiceHost: "dps.test", IDScope: "s", Address: "127.0.0.1", Ports: sut.Ports{HTTPS: port},
			ServiceConnectionString: "HostName=dps.test" + credential,
		},
		Hubs:   []sut.Hub{{Host: "hub.test", Address: "127.0.0.1", Ports: sut.Ports{HTTPS: port}, ConnectionString: "HostName=hub.test" + credential}},
		CAFile: roots, Prefix: "dpslab-",
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, env
}

// remove removes what is found and returns how many that were.
func remove(t *testing.T, env *harness.Env, journal string) (n int, problems error) {
	t.Helper()
	found := sweep.Find(t.Context(), env, journal)
	defer found.Close()
	err := found.Err
	for _, l := range found.Leftovers {
		if failed := l.Remove(t.Context()); failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		n++
	}
	return n, err
}

func TestOnlyWhatBeginsWithThePrefixIsRemoved(t *testing.T) {
	kept := []string{
		"/devices/dpslab", "/devices/pump-1", "/enrollmentGroups/line-a", "/enrollments/dpslab", "/enrollments/dpslabx-1",
		"/enrollments/my-dpslab-1", "/registrations/pump-1",
	}
	s, env := shelved(t, append([]string{
		"/enrollments/dpslab-a", "/enrollments/DPSLAB-B", "/enrollments/dpslab-c", "/registrations/dpslab-a",
		"/enrollmentGroups/dpslab-g", "/registrations/dpslab-d", "/registrations/dpslab-e", "/devices/dpslab-d",
	}, kept...)...)
	s.group["dpslab-d"], s.group["dpslab-e"], s.group["pump-1"] = "dpslab-g", "dpslab-g", "line-a"
	found := sweep.Find(t.Context(), env, "")
	if found.Err != nil {
		t.Fatal(found.Err)
	}
	found.Close()
	if len(s.left()) != 8+len(kept) {
		t.Error("looking removes")
	}
	if n, err := remove(t, env, ""); n != 8 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
	if left := s.left(); !slices.Equal(left, kept) {
		t.Errorf("left: %q", left)
	}
}

func TestEnrollmentsGoLast(t *testing.T) {
	s, env := shelved(t, "/enrollments/dpslab-a", "/registrations/dpslab-a", "/enrollmentGroups/dpslab-g", "/registrations/dpslab-b", "/devices/dpslab-b")
	s.group["dpslab-b"] = "dpslab-g"
	found := sweep.Find(t.Context(), env, "")
	if found.Err != nil {
		t.Fatal(found.Err)
	}
	defer found.Close()
	var kinds []string
	for _, l := range found.Leftovers {
		kinds = append(kinds, l.Kind)
	}
	if got := strings.Join(kinds, ", "); got != "registration, registration, hub identity, enrollment, enrollment group" {
		t.Errorf("%s", got)
	}
}

func TestOneThatCannotBeRemovedDoesNotKeepTheOthers(t *testing.T) {
	s, env := shelved(t, "/enrollments/dpslab-a", "/enrollments/dpslab-b")
	s.refuses = "/enrollments/dpslab-a"
	n, err := remove(t, env, "")
	if n != 1 || err == nil || !strings.Contains(err.Error(), "dpslab-a") || !strings.Contains(err.Error(), "409") {
		t.Errorf("removed %d, %v", n, err)
	}
}

func TestAThrottledSweepWaits(t *testing.T) {
	s, env := shelved(t, "/enrollments/dpslab-a")
	s.throttles = 1
	if n, err := remove(t, env, ""); n != 1 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
}

func TestWithoutAPrefixNothingIsRemoved(t *testing.T) {
	s, env := shelved(t, "/enrollments/dpslab-a")
	env.Target.Prefix = ""
	if n, err := remove(t, env, ""); n != 0 || err == nil || len(s.left()) != 1 {
		t.Errorf("removed %d, %v", n, err)
	}
}
