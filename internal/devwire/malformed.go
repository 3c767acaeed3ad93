package devwire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Malformed is an answer that is not shaped as the dossiers say. Raw keeps its bytes;
// the message names what is wrong and quotes no value.
type Malformed struct {
	What string
	Raw  []byte
}

func (m *Malformed) Error() string { return "malformed answer: " + m.What }

// NotSent is a mistake of the caller or the target file, found before anything was sent:
// trying again is no use.
type NotSent struct{ Err error }

func (n *NotSent) Error() string { return n.Err.Error() }
func (n *NotSent) Unwrap() error { return n.Err }

func notSent(format string, a ...any) error { return &NotSent{Err: fmt.Errorf(format, a...)} }

// members is a JSON object by exact member name. encoding/json would match names in any
// case, which no SDK but the lenient ones does.
type members map[string]json.RawMessage

func parseMembers(what string, b []byte) (members, error) {
	var m members
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("%s is not a JSON object: %w", what, err)
	}
	if m == nil {
		return nil, fmt.Errorf("%s is null", what)
	}
	return m, nil
}

// read decodes the member into v, and leaves v alone when there is none. A member that
// is null is an error: Embedded C takes null for no string and no number
// (device-api.md 0.1 item 6).
func (m members) read(name string, v any) error {
	raw, ok := m[name]
	if !ok {
		return nil
	}
	if bytes.Equal(raw, []byte("null")) {
		return fmt.Errorf("%s is null; an absent member is left out", name)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// readAll reads every member named, in the order of their names.
func (m members) readAll(into map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(into)) {
		if err := m.read(name, into[name]); err != nil {
			return err
		}
	}
	return nil
}
