package suites_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/dpslab/dpslab/suites"
	"github.com/dpslab/dpslab/suites/containers"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/sut"
	. "github.com/onsi/ginkgo/v2"
)

// targetVariable names the target file, or says "containers": then, as without it, the door
// builds dpslab and starts a lab of its own.
const targetVariable = "DPSLAB_TARGET"

// targetFile is set before any spec runs, in every process.
var targetFile string

var environment = sync.OnceValues(func() (*harness.Env, error) {
	target, err := sut.Load(targetFile)
	if err != nil {
		return nil, fmt.Errorf("the target cannot be tested: %w", err)
	}
	env, err := harness.Open(context.Background(), target)
	if err == nil {
		env.Containers = containers.Attach(target)
		err = env.Probe(context.Background())
	}
	return env, err
})

func init() {
	if os.Getenv(drillVariable) != "" {
		registerDrill()
		return
	}
	suites.Register(func() *harness.Env {
		env, err := environment()
		if err != nil {
			Fail(err.Error())
		}
		return env
	})
	SynchronizedBeforeSuite(func(ctx SpecContext) []byte {
		switch target := os.Getenv(targetVariable); target {
		case "":
			return []byte(startLab(ctx))
		case "containers":
			return []byte(startContainers(ctx))
		default:
			return []byte(target)
		}
	}, func(file []byte) { targetFile = string(file) })
}

// TestSuites is the door for ginkgo and go test:
//
//	DPSLAB_TARGET=target.yaml ginkgo -p --label-filter='transport:mqtt' ./suites
func TestSuites(t *testing.T) {
	suite, reporter := GinkgoConfiguration()
	suite.RandomizeAllSpecs = true
	suite.FailOnEmpty = true // else a mistyped label filter runs nothing and passes
	RunSpecs(t, "dpslab conformance", suite, reporter)
}
