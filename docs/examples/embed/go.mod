// A module of somebody else's that embeds the checks. Copy it, name the release of dpslab
// that you use, and run `go mod tidy`.
module example.com/embed

go 1.26.0

require (
	github.com/dpslab/dpslab v0.0.0
	github.com/onsi/ginkgo/v2 v2.34.0
	github.com/onsi/gomega v1.44.0
)
