package reports

import (
	"encoding/json"
	"fmt"
	"io"
)

// WriteJSON writes the run as an indented JSON document.
func WriteJSON(w io.Writer, r Run) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

// ReadJSON reads what WriteJSON wrote and refuses a run that does not reconcile.
func ReadJSON(rd io.Reader) (Run, error) {
	var r Run
	if err := json.NewDecoder(rd).Decode(&r); err != nil {
		return Run{}, fmt.Errorf("not a result file of dpslab: %w", err)
	}
	if err := r.Reconcile(); err != nil {
		return Run{}, fmt.Errorf("the result file is invalid: %w", err)
	}
	return r, nil
}
