// Package embed proves that another module can embed the checks. It packs this module as a
// release would be, serves it from a folder, and builds and runs docs/examples/embed with
// it, outside of the tree. It has no code of its own: `go test ./internal/make/embed`, or
// `make embed`.
package embed
