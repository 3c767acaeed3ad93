package deptest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/dpslab/dpslab"

// rule says what some packages must never import, and why.
//
// A path is relative to the module; with /... it is everything below, itself included.
// Bans inside the module are transitive: no chain of imports may lead there. Bans outside
// it are direct: what a dependency does is its own business. Tests are free to import
// anything.
type rule struct {
	packages []string
	except   []string // of packages
	inside   []string
	outside  []string
	why      string
}

// The two halves, and what belongs to neither.
var (
	servers = []string{
		"reference/...", "fakehub/...", "internal/frontdoor/...", "internal/mqttserver/...", "internal/amqpserver/...", "internal/controlserver/...",
		"internal/point/...", "internal/sas/...", "internal/etag/...", "internal/query/...", "internal/urlpath/...", "internal/durable/...",
	}
	clients = []string{"internal/devwire/...", "internal/controlapi/...", "simulator/...", "suites/...", "scenarios/..."}
	neither = []string{
		"internal/clock/...", "internal/dps/...", "internal/fairness/...", "internal/labfile/...", "internal/pgtest/...", "internal/pki/...", "internal/requirement/...", "internal/schematest/...", "internal/swtpm/...", "internal/telemetry/...",
		"internal/transcript/...", "internal/vectors/...", "internal/yamlfile/...",
	}
)

const (
	mochi  = "github.com/mochi-mqtt/server/v2/..."
	paho   = "github.com/eclipse/paho.mqtt.golang/..."
	goAMQP = "github.com/Azure/go-amqp/..."
)

var rules = []rule{
	{
		packages: []string{"reference/provisioning/...", "reference/attestation/...", "reference/allocation/...", "reference/enrollment/..."},
		inside: []string{
			"reference/deviceapi/...", "reference/serviceapi/...", "fakehub/...", "internal/frontdoor/...", "internal/mqttserver/...",
			"internal/amqpserver/...", "internal/controlserver/...", "internal/pki/...", "internal/devwire/...",
		},
		outside: []string{"net/http/...", mochi},
		why:     "there is one core, and it is blind to transports",
	},
	{
		packages: servers, inside: clients, outside: []string{paho, goAMQP},
		why: "server encoders stand alone: a client's encoder in a server would agree with that client's mistakes",
	},
	{
		packages: clients, inside: servers, outside: []string{mochi},
		why: "only the wire: a suite that shares an encoder with the server agrees with its mistakes",
	},
	{
		packages: []string{"fakehub/..."}, inside: []string{"reference/..."},
		why: "a hub knows nothing of provisioning",
	},
	{
		packages: neither, inside: append(slices.Clone(servers), clients...),
		why: "what both halves use leads to neither of them",
	},
	{
		packages: []string{"reports/..."}, inside: []string{"suites/...", "scenarios/...", "reference/...", "fakehub/..."}, outside: []string{"net", "net/http/..."},
		why: "a report is a pure function of result files",
	},
	{
		packages: []string{"..."}, except: []string{"suites/containers"}, outside: []string{"github.com/testcontainers/testcontainers-go/..."},
		why: "checks and devices work without a container engine; one package knows how to start containers",
	},
	{
		packages: []string{"suites/harness/..."}, inside: []string{"suites/containers/..."},
		why: "a check is handed what starts containers, where there is any",
	},
	{
		packages: []string{"internal/dps/..."}, outside: []string{"encoding/..."},
		why: "the vocabulary cannot reach the wire",
	},
}

func TestImportRules(t *testing.T) {
	imports := list(t)
	gone := map[string]bool{}
	for _, r := range rules {
		for _, path := range slices.Concat(r.packages, r.except, r.inside) {
			exists := slices.ContainsFunc(keys(imports), func(p string) bool { return matches(module+"/"+path, p) })
			if !exists && !gone[path] {
				gone[path] = true
				t.Errorf("a rule names %s, which does not exist; a rule about nothing guards nothing", path)
			}
		}
		for _, violation := range r.violations(imports) {
			t.Errorf("%s\n\twhy not: %s", violation, r.why)
		}
	}
}

// violations lists every banned import of r, each with the chain that leads to it.
func (r rule) violations(imports map[string][]string) []string {
	var found []string
	for _, from := range keys(imports) {
		named := func(p string) bool { return matches(module+"/"+p, from) }
		if !slices.ContainsFunc(r.packages, named) || slices.ContainsFunc(r.except, named) {
			continue
		}
		for _, to := range imports[from] {
			if slices.ContainsFunc(r.outside, func(p string) bool { return matches(p, to) }) {
				found = append(found, from+" imports "+to)
			}
		}
		chain := chain(imports, []string{from}, map[string]bool{}, func(p string) bool {
			banned := slices.ContainsFunc(r.inside, func(b string) bool { return matches(module+"/"+b, p) })
			return banned && p != from
		})
		if chain != nil {
			found = append(found, strings.Join(chain, " imports "))
		}
	}
	return found
}

// chain is the first way from the end of so to a banned package, over the module's own
// packages.
func chain(imports map[string][]string, so []string, seen map[string]bool, banned func(string) bool) []string {
	for _, next := range imports[so[len(so)-1]] {
		if seen[next] || !matches(module+"/...", next) {
			continue
		}
		seen[next] = true
		way := append(slices.Clone(so), next)
		if banned(next) {
			return way
		}
		if found := chain(imports, way, seen, banned); found != nil {
			return found
		}
	}
	return nil
}

func matches(pattern, path string) bool {
	prefix, all := strings.CutSuffix(pattern, "/...")
	return path == prefix || all && strings.HasPrefix(path, prefix+"/")
}

// list asks the go command once for the imports of every package of the module, tests left
// out. A package that does not compile still has imports.
func list(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-e", "-json=ImportPath,Imports", module+"/...").Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	imports := map[string][]string{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); err == io.EOF {
			return imports
		} else if err != nil {
			t.Fatal(err)
		}
		imports[p.ImportPath] = p.Imports
	}
}

func keys(m map[string][]string) []string {
	list := make([]string, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

func TestARuleSeesThroughAChain(t *testing.T) {
	r := rule{packages: []string{"suites/..."}, inside: []string{"reference/..."}, outside: []string{mochi, "net"}, why: "a test"}
	for _, c := range []struct {
		rule    string
		imports map[string][]string
		want    []string
	}{
		{"a direct import", map[string][]string{module + "/suites/x": {module + "/reference"}},
			[]string{module + "/suites/x imports " + module + "/reference"}},
		{"a chain", map[string][]string{module + "/suites": {module + "/a"}, module + "/a": {module + "/b"}, module + "/b": {module + "/reference/c"}},
			[]string{module + "/suites imports " + module + "/a imports " + module + "/b imports " + module + "/reference/c"}},
		{"a package outside, and below it", map[string][]string{module + "/suites": {"github.com/mochi-mqtt/server/v2/packets", "net"}},
			[]string{module + "/suites imports github.com/mochi-mqtt/server/v2/packets", module + "/suites imports net"}},
		{"one that only sounds like it", map[string][]string{module + "/suites": {module + "/referenceless", "net/url"}}, nil},
		{"one outside that somebody else imports", map[string][]string{module + "/suites": {module + "/a"}, module + "/a": {"net"}}, nil},
		{"a circle that leads nowhere", map[string][]string{module + "/suites": {module + "/a"}, module + "/a": {module + "/suites"}}, nil},
		{"a package that no rule names", map[string][]string{module + "/cmd/dpslab": {module + "/reference", module + "/suites"}}, nil},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := r.violations(c.imports); !slices.Equal(got, c.want) {
				t.Errorf("got %q", got)
			}
		})
	}
	imports := map[string][]string{module + "/suites/x": {"net"}, module + "/suites/y": {"net"}}
	spared := rule{packages: []string{"..."}, except: []string{"suites/x"}, outside: []string{"net"}}
	if got := spared.violations(imports); !slices.Equal(got, []string{module + "/suites/y imports net"}) {
		t.Errorf("with an exception: %q", got)
	}
}
