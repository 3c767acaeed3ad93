// Package ciexamples runs the examples of docs/ci as their CI systems would, against a
// release that was made here and targets that conform, do not, and cannot be tested. It has
// no code of its own: `go test ./internal/make/ciexamples`, or `make ci-examples`.
package ciexamples
