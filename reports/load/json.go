package load

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"

	"github.com/dpslab/dpslab/reports"
)

// JSONSchema is the JSON Schema (2020-12) of the document that WriteJSON writes.
//
//go:embed run.schema.json
var JSONSchema []byte

// WriteJSON writes the run as an indented JSON document, after JSONSchema. Characters that a
// terminal would obey are escaped.
func WriteJSON(w io.Writer, r Run) error { return reports.WriteDocument(w, r) }

// readBytes is what a result file may be long: a day of seconds fits.
const readBytes = 1 << 30

// ReadJSON reads what WriteJSON wrote.
func ReadJSON(rd io.Reader) (Run, error) {
	var r Run
	if err := json.NewDecoder(io.LimitReader(rd, readBytes)).Decode(&r); err != nil {
		return Run{}, fmt.Errorf("not a load result of dpslab: %w", err)
	}
	if r.Schema != Schema {
		return Run{}, fmt.Errorf("the result file is %q; this dpslab reads %s", r.Schema, Schema)
	}
	return r, nil
}
