package controlserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/dpslab/dpslab/internal/transcript"
)

// Error is an answer that is not the wanted one. Any other error that a route returns is
// answered as a 500.
type Error struct {
	Status  int
	Message string // one line: what happened, what to try
}

func (e *Error) Error() string { return e.Message }

// Errorf makes an Error with a message.
func Errorf(status int, format string, args ...any) error {
	return &Error{Status: status, Message: fmt.Sprintf(format, args...)}
}

// Handle adds a route. The pattern is net/http's, with a method: "GET /v1/services/{name}".
// What h returns is answered as {"error": "…"}, unless h has begun its answer.
func (s *Server) Handle(pattern string, h func(w http.ResponseWriter, r *http.Request) error) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.fail(w, r, err)
		}
	})
}

// Reply answers with v as JSON; a nil v has no body.
func Reply(w http.ResponseWriter, status int, v any) error {
	if v == nil {
		w.WriteHeader(status)
		return nil
	}
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, err = w.Write(append(body, '\n'))
	return err
}

// Decode reads the body of a request: one JSON value of at most 1 MiB, every member of
// which v knows. Its errors are Errors.
func Decode(r *http.Request, v any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, err = d.Token(); err == io.EOF {
			return nil
		}
		err = errors.New("something follows the JSON value")
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return Errorf(http.StatusRequestEntityTooLarge, "the body is larger than %d bytes", tooLarge.Limit)
	case err == io.EOF:
		return Errorf(http.StatusBadRequest, "the body is empty; send JSON")
	}
	return Errorf(http.StatusBadRequest, "the body is not what this route takes: %s", strings.TrimPrefix(err.Error(), "json: "))
}

// parameters reads the query, and refuses names that the route does not know and names
// that come twice: a mistyped filter must not select everything.
func parameters(r *http.Request, known ...string) (url.Values, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, Errorf(http.StatusBadRequest, "the query cannot be parsed")
	}
	for name, values := range query {
		if !slices.Contains(known, name) || len(values) > 1 {
			return nil, Errorf(http.StatusBadRequest, "the query has %q %d times; it takes once each: %s", name, len(values), strings.Join(known, ", "))
		}
	}
	return query, nil
}

// number reads a count from the query; absent is 0.
func number(query url.Values, name string) (uint64, error) {
	if query.Get(name) == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(query.Get(name), 10, 64)
	if err != nil {
		return 0, Errorf(http.StatusBadRequest, "%s=%q is not a whole number", name, query.Get(name))
	}
	return n, nil
}

// fail answers with an error, or logs it when the answer has begun.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	answer := &Error{Status: http.StatusInternalServerError, Message: err.Error()}
	errors.As(err, &answer)
	message := transcript.RedactText(strings.Join(strings.Fields(answer.Message), " "))
	s.options.Logger.Debug("control request failed", "method", r.Method, "path", r.URL.Path, "status", answer.Status, "error", message)
	if a, ok := w.(*answerWriter); ok && a.begun {
		return
	}
	if answer.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	// The caller is gone when this fails.
	_ = Reply(w, answer.Status, map[string]string{"error": message})
}

// answerWriter knows whether an answer has begun.
type answerWriter struct {
	http.ResponseWriter
	begun bool
}

func (w *answerWriter) WriteHeader(status int) {
	w.begun = true
	w.ResponseWriter.WriteHeader(status)
}

func (w *answerWriter) Write(b []byte) (int, error) {
	w.begun = true
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (w *answerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
