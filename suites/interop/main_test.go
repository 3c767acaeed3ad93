package interop_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	// modeVariable is for people: skip leaves the tests out, and with required a system on
	// which there can be no lab fails.
	modeVariable = "DPSLAB_INTEROP"
	required     = "required"
	// binaryVariable names a dpslab to use instead of building one.
	binaryVariable = "DPSLAB_BINARY"
	// stageVariable is how the test tells itself how far in it is (doc.go).
	stageVariable = "DPSLAB_INTEROP_STAGE"

	stageNamespaces = "namespaces" // in the namespaces, before the lab
	stageLab        = "lab"        // below dpslab up
)

// need is a test that runs in a lab, and what sees to it that its programs can run.
type need struct {
	test    string
	prepare func() error
}

var needLab = []need{{"TestNode", prepareNode}, {"TestPython", preparePython}, {"TestProton", prepareProton}, {"TestGoAMQP", nil}}

// Why no SDK can run in this process. Both are empty inside a lab.
var (
	skipReason string
	unready    error
)

func TestMain(m *testing.M) {
	flag.Parse()
	switch mode, stage := os.Getenv(modeVariable), os.Getenv(stageVariable); {
	case stage == stageNamespaces:
		fmt.Fprintln(os.Stderr, "interop:", becomeLab())
		os.Exit(1)
	case stage == stageLab:
		unready = errors.Join(mapNames(append(strings.Fields(os.Getenv("DPSLAB_HOSTS")), throttledHosts()...)), widen())
	case mode == "skip":
		skipReason = modeVariable + "=skip"
	case mode != "" && mode != required:
		unready = fmt.Errorf("%s is %q; the words that it knows are skip and %s", modeVariable, mode, required)
	case noNamespaces != "" && mode == required:
		unready = fmt.Errorf("%s, and %s=%s", noNamespaces, modeVariable, required)
	case noNamespaces != "":
		skipReason = noNamespaces
	case slices.ContainsFunc(needLab, func(n need) bool { return selected(n.test) }):
		code, err := runInLab()
		if err == nil {
			os.Exit(code)
		}
		unready = err
	}
	os.Exit(m.Run())
}

// widen lets more programs run at once than there are processors, unless the command line
// says how many: they wait more than they work.
func widen() error {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if given {
		return nil
	}
	return flag.Set("test.parallel", strconv.Itoa(4*runtime.GOMAXPROCS(0)))
}

// selected reports whether the command line may run a test. What it cannot tell is yes:
// that costs a lab, and the patterns are applied again inside.
func selected(test string) bool {
	if flag.Lookup("test.list").Value.String() != "" {
		return false
	}
	for alternative := range strings.SplitSeq(flag.Lookup("test.run").Value.String(), "|") {
		top, _, _ := strings.Cut(alternative, "/")
		pattern, err := regexp.Compile(top)
		if err != nil || pattern.MatchString(test) {
			return true
		}
	}
	return false
}

// runInLab runs this test once more, below a lab in namespaces of its own, and returns its
// exit code. An error says why that could not be done.
func runInLab() (code int, err error) {
	for _, n := range needLab {
		if n.prepare != nil && selected(n.test) {
			if err := n.prepare(); err != nil {
				return 0, err
			}
		}
	}
	folder, err := os.MkdirTemp("", "dpslab-interop-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(folder)
	binary, err := dpslab(folder)
	if err != nil {
		return 0, err
	}
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	return runInNamespaces(self, testArguments(), []string{stageVariable + "=" + stageNamespaces, binaryVariable + "=" + binary})
}

// testArguments are the arguments for the test inside. Its log of what it opened would
// say nothing of what the result hangs on, so there is none, and go test caches no result.
func testArguments() []string {
	var args []string
	for _, a := range os.Args[1:] {
		if !strings.HasPrefix(a, "-test.testlogfile") {
			args = append(args, a)
		}
	}
	return args
}
