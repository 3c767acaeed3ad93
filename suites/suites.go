// Package suites is the conformance suite: every check, family by family, and the door by
// which they become Ginkgo specs in anybody's test binary.
package suites

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/suites/alloc"
	"github.com/dpslab/dpslab/suites/amqp"
	"github.com/dpslab/dpslab/suites/bulk"
	"github.com/dpslab/dpslab/suites/err"
	"github.com/dpslab/dpslab/suites/etag"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/https"
	"github.com/dpslab/dpslab/suites/hub"
	"github.com/dpslab/dpslab/suites/limit"
	"github.com/dpslab/dpslab/suites/mqtt"
	"github.com/dpslab/dpslab/suites/qry"
	"github.com/dpslab/dpslab/suites/reprov"
	"github.com/dpslab/dpslab/suites/sas"
	"github.com/dpslab/dpslab/suites/sdk"
	"github.com/dpslab/dpslab/suites/sec"
	"github.com/dpslab/dpslab/suites/svc"
	"github.com/dpslab/dpslab/suites/tpm"
	"github.com/dpslab/dpslab/suites/ws"
	"github.com/dpslab/dpslab/suites/x509"
	"github.com/onsi/ginkgo/v2"
)

// families are the checks of each family, in the catalogue's order. A family is a package
// of this folder, named for it (suites/https, suites/mqtt, …), with a func Checks. Those of
// sdk, by scripted clients, belong to several.
var families = []func() []harness.Check{
	https.Checks,
	mqtt.Checks,
	ws.Checks,
	amqp.Checks,
	sas.Checks,
	x509.Checks,
	tpm.Checks,
	svc.Checks,
	etag.Checks,
	qry.Checks,
	bulk.Checks,
	alloc.Checks,
	reprov.Checks,
	limit.Checks,
	err.Checks,
	sec.Checks,
	hub.Checks,
	sdk.Checks,
}

// All returns every check.
func All() []harness.Check {
	var all []harness.Check
	for _, checks := range families {
		all = append(all, checks()...)
	}
	return all
}

// Register declares every check as Ginkgo specs: a container for each family, a spec for
// each check and transport, labelled as harness.Case.Labels says. It declares and nothing
// else: RunSpecs and the suite's nodes belong to the caller. env is called when a spec
// runs. No spec is serial.
//
// Checks of the caller's own go in the same way, after those of the suite: see
// harness.Check.Own for what they verify. Checks that cannot be declared, such as one of an
// unknown requirement, panic before anything runs.
//
// One more spec holds the target against what its file claims.
func Register(env func() *harness.Env, own ...harness.Check) {
	ginkgo.Describe("claims", func() {
		ginkgo.It("the target is what its file claims", ginkgo.Label("claims"), func(ctx ginkgo.SpecContext) { claims(ctx, env()) })
	})
	register(env, append(All(), own...))
}

// claims looks at the target, unless that was done when it was opened.
func claims(ctx context.Context, env *harness.Env) {
	ginkgo.GinkgoHelper()
	if env.Claims == nil {
		looked := *env
		if err := looked.Probe(ctx); err != nil {
			ginkgo.Fail(err.Error())
		}
		env = &looked
	}
	var reds strings.Builder
	for _, c := range env.Claims {
		if c.Outcome == reports.Failed {
			reds.WriteString(c.Red())
		}
	}
	if reds.Len() > 0 {
		ginkgo.Fail(reds.String())
	}
}

func register(env func() *harness.Env, checks []harness.Check) {
	cases, err := harness.Cases(checks)
	if err != nil {
		panic(err)
	}
	var order []string
	byFamily := map[string][]harness.Case{}
	for _, c := range cases {
		family := c.Clause.Family()
		if !slices.Contains(order, family) {
			order = append(order, family)
		}
		byFamily[family] = append(byFamily[family], c)
	}
	for _, family := range order {
		ginkgo.Describe(family, func() {
			for _, c := range byFamily[family] {
				ginkgo.It(c.Name(), ginkgo.Label(c.Labels()...), func(ctx ginkgo.SpecContext) { spec(ctx, env(), c) })
			}
		})
	}
}

// spec runs one case and hands its outcome to Ginkgo. Reds carry their result, exchange
// and all, as a report entry.
func spec(ctx context.Context, env *harness.Env, c harness.Case) {
	ginkgo.GinkgoHelper()
	result := c.Run(ctx, env)
	if result.Outcome == reports.Skipped {
		ginkgo.Skip(result.Reason)
	}
	if !result.Outcome.Red() {
		return
	}
	result.Rerun = "ginkgo --label-filter='" + c.Filter() + "' " + folder()
	ginkgo.AddReportEntry("result", Entry{result}, ginkgo.ReportEntryVisibilityFailureOrVerbose)
	ginkgo.Fail(reports.Red(result, c.Reported()))
}

// folder is where the suite is, as seen from its module: tests run in their package's
// folder.
func folder() string {
	here, err := os.Getwd()
	if err != nil {
		return "."
	}
	for root := here; ; root = filepath.Dir(root) {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			inside, err := filepath.Rel(root, here)
			if err != nil || inside == "." {
				return "."
			}
			return "./" + filepath.ToSlash(inside)
		}
		if root == filepath.Dir(root) {
			return "."
		}
	}
}

// Entry is the report entry of a red: the exchange for people, all of the result as JSON.
type Entry struct{ reports.Result }

func (e Entry) String() string { return e.Exchange.String() }
