package sut

import _ "embed"

// Schema is the JSON Schema (2020-12) of a target file, for editors and other tools. Load
// is stricter where a schema cannot look: at modes, at the environment and at files.
//
//go:embed target.schema.json
var Schema []byte
