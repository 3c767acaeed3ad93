// Package deptest holds the rules about who may import whom, and about time, as tests. It
// has no code of its own: the rules run with `go test ./internal/deptest`, and every
// refusal tells its reason.
package deptest
