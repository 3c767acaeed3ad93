// Package embed is a conformance suite of somebody else's: every check of dpslab and some of
// its own, as Ginkgo specs.
//
//	go test .                                            against a lab that it starts
//	DPSLAB_TARGET=service.yaml go test .                 against a service of yours
//	ginkgo -p --label-filter='family:MQTT || family:BOOT'
package embed

import (
	"os"
	"testing"

	"github.com/dpslab/dpslab/dpslabtest"
	"github.com/dpslab/dpslab/suites"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/sut"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// env is the target, once it is known.
var env *harness.Env

// Specs are declared while the program starts; the target is looked at when they run.
func init() { suites.Register(func() *harness.Env { return env }, own...) }

var _ = SynchronizedBeforeSuite(func() []byte {
	if file := os.Getenv("DPSLAB_TARGET"); file != "" {
		return []byte(file)
	}
	return []byte(dpslabtest.Start(GinkgoT()).TargetFile)
}, func(ctx SpecContext, file []byte) {
	target, err := sut.Load(string(file))
	Expect(err).NotTo(HaveOccurred())
	env, err = harness.Open(ctx, target)
	Expect(err).NotTo(HaveOccurred())
})

func TestProvisioning(t *testing.T) {
	RegisterFailHandler(Fail)
	suite, reporter := GinkgoConfiguration()
	suite.FailOnEmpty = true // else a mistyped label filter runs nothing and passes
	RunSpecs(t, "provisioning", suite, reporter)
}
