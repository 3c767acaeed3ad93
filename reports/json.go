package reports

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"
)

// JSONSchema is the JSON Schema (2020-12) of the document that WriteJSON writes.
//
//go:embed run.schema.json
var JSONSchema []byte

// WriteJSON writes the run as an indented JSON document, after JSONSchema. Text that is
// very long is cut and says so; characters that a terminal would obey are escaped.
func WriteJSON(w io.Writer, r Run) error { return WriteDocument(w, r.bounded()) }

// WriteDocument writes any value as an indented JSON document, with the characters escaped
// that a terminal would obey.
func WriteDocument(w io.Writer, v any) error {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	return writeEscaped(w, text.Bytes())
}

// writeEscaped writes a JSON document with everything in its strings escaped that does not
// print. Outside of strings there is only ASCII.
func writeEscaped(w io.Writer, document []byte) error {
	b := bufio.NewWriter(w)
	for len(document) > 0 {
		r, n := utf8.DecodeRune(document)
		switch {
		case r == '\n' || unicode.IsPrint(r):
			b.Write(document[:n])
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(b, `\u%04x`, r)
		}
		document = document[n:]
	}
	return b.Flush()
}

// readBytes is what a result file may be long. One of our own with every check red and
// every exchange as long as it may be is longer than that; none was ever seen.
const readBytes = 256 << 20

// ReadJSON reads what WriteJSON wrote and refuses a run that does not reconcile.
func ReadJSON(rd io.Reader) (Run, error) { return readJSON(rd, readBytes) }

func readJSON(rd io.Reader, limit int64) (Run, error) {
	limited := &io.LimitedReader{R: rd, N: limit}
	var r Run
	if err := json.NewDecoder(limited).Decode(&r); err != nil {
		if limited.N == 0 {
			return Run{}, fmt.Errorf("a result file of more than %d MiB is not read", limit>>20)
		}
		return Run{}, fmt.Errorf("not a result file of dpslab: %w", err)
	}
	if err := r.Reconcile(); err != nil {
		return Run{}, fmt.Errorf("the result file is invalid: %w", err)
	}
	return r, nil
}
