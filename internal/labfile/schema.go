package labfile

import _ "embed"

// Schema is the JSON Schema (2020-12) of a lab file, for editors and other tools. Load is
// stricter where a schema cannot look: at modes, at the environment, and at names that
// stand for others.
//
//go:embed lab.schema.json
var Schema []byte
