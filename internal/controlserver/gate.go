package controlserver

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// maxBody bounds every request body.
const maxBody = 1 << 20

// ServeHTTP lets a request through the gates and answers it as JSON, whatever happens.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := &answerWriter{ResponseWriter: w}
	if err := s.admit(r); err != nil {
		s.fail(answer, r, err)
		return
	}
	handler, pattern := s.mux.Handler(r)
	if pattern == "" {
		s.fail(answer, r, noRoute(answer, r, handler))
		return
	}
	r.Body = http.MaxBytesReader(answer, r.Body, maxBody)
	s.mux.ServeHTTP(answer, r)
}

// admit is the gates in order: nothing is said of the token to a caller whose Host or
// Origin is foreign.
func (s *Server) admit(r *http.Request) error {
	if !s.ownHost(r.Host) {
		return Errorf(http.StatusForbidden, "the Host header names %q; call the control port by a loopback address or the name it listens on", r.Host)
	}
	if origins := r.Header.Values("Origin"); len(origins) > 1 || len(origins) == 1 && origins[0] != "https://"+r.Host {
		return Errorf(http.StatusForbidden, "a page of another origin may not call the control port")
	}
	if r.URL.Path == "/healthz" {
		return nil
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	sum := sha256.Sum256([]byte(token)) // of equal length, so that the comparison tells nothing of it
	if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(sum[:], s.token[:]) != 1 {
		return Errorf(http.StatusUnauthorized, "the control token is missing or wrong; send Authorization: Bearer with the token of DPSLAB_CONTROL_TOKEN")
	}
	return nil
}

// ownHost reports whether a Host header can be meant for this port. A name that somebody
// else's DNS maps to this address cannot; an IP address needs no DNS, so a port that
// listens on every address takes any.
func (s *Server) ownHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	listen, err := netip.ParseAddr(s.host)
	everywhere := s.host == "" || err == nil && listen.IsUnspecified()
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.IsLoopback() || everywhere || ip == listen
	}
	return strings.EqualFold(host, "localhost") || host != "" && strings.EqualFold(host, s.host) ||
		slices.ContainsFunc(s.options.Hosts, func(h string) bool { return strings.EqualFold(h, host) })
}

// noRoute says what the mux would have said in plain text.
func noRoute(w http.ResponseWriter, r *http.Request, refuse http.Handler) error {
	probe := &probe{header: http.Header{}}
	refuse.ServeHTTP(probe, r)
	if allow := probe.header.Get("Allow"); allow != "" {
		w.Header().Set("Allow", allow)
		return Errorf(http.StatusMethodNotAllowed, "%s is not possible on %q; possible: %s", r.Method, r.URL.Path, allow)
	}
	return Errorf(http.StatusNotFound, "the control port has no %q", r.URL.Path)
}

// probe takes the headers of an answer that is not sent.
type probe struct{ header http.Header }

func (p *probe) Header() http.Header         { return p.header }
func (p *probe) Write(b []byte) (int, error) { return len(b), nil }
func (p *probe) WriteHeader(int)             {}
