package requirement_test

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/requirement"
)

// A catalogue that breaks a rule does not parse, so this is also the test of every id,
// level, word, source and of the order of the embedded one.
func TestTheCatalogueKeepsItsRules(t *testing.T) {
	text, err := os.ReadFile("catalogue.yaml")
	if err != nil {
		t.Fatal(err)
	}
	list, err := requirement.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != len(requirement.All()) {
		t.Fatalf("the file holds %d clauses, All returns %d", len(list), len(requirement.All()))
	}
	perFamily := map[string]int{}
	statements := map[string]string{}
	for _, r := range list {
		perFamily[r.Family()]++
		if got, ok := requirement.Find(r.ID); !ok || got.Statement != r.Statement {
			t.Errorf("Find(%s) returns %+v", r.ID, got)
		}
		key := strings.Join(r.Transports, " ") + r.Statement
		if other := statements[key]; other != "" {
			t.Errorf("%s and %s state the same", other, r.ID)
		}
		statements[key] = r.ID
		if s := r.Statement; !strings.HasPrefix(s, "The service ") && !strings.HasPrefix(s, "The hub ") {
			t.Errorf("%s: the subject of %q is neither the service nor the hub", r.ID, s)
		}
	}
	for _, f := range requirement.Families {
		if perFamily[f.Name] == 0 {
			t.Errorf("family %s, %s, has no clause", f.Name, f.About)
		}
	}
}

// removed are the numbers of clauses that are gone, which no other clause gets.
var removed = map[string]string{
	"DPS-ALLOC-058": "DPS-SVC-039 says the same",
}

func TestNumbersOfAFamilyAreContiguous(t *testing.T) {
	next := map[string]int{}
	for _, r := range requirement.All() {
		next[r.Family()]++
		if removed[fmt.Sprintf("DPS-%s-%03d", r.Family(), next[r.Family()])] != "" {
			next[r.Family()]++
		}
		if want := fmt.Sprintf("DPS-%s-%03d", r.Family(), next[r.Family()]); r.ID != want {
			t.Fatalf("%s stands where %s was due; the number of a clause that is gone is listed under removed", r.ID, want)
		}
	}
}

const valid = `dpslab: requirements/v1
requirements:
  - id: DPS-MQTT-001
    level: must
    statement: The service answers.
    source: docs/protocol/device-api.md 2.4; azure-docs issue 69882
    evidence: capture
    transports: [mqtt, mqtt-ws]
  - id: DPS-MQTT-002
    level: may
    statement: The service answers twice.
    source: docs/protocol/device-api.md 0.1 item 3; an SDK
    evidence: sdk
    needs: [control]
`

func TestParseRefuses(t *testing.T) {
	if _, err := requirement.Parse([]byte(valid)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ rule, old, new, says string }{
		{"another file", "requirements/v1", "target/v1", "requirements/v1"},
		{"an id of another shape", "DPS-MQTT-001", "DPS-MQTT-1", "DPS-MQTT-1"},
		{"an unknown family", "DPS-MQTT-002", "DPS-TELNET-002", "TELNET"},
		{"a number twice", "DPS-MQTT-002", "DPS-MQTT-001", "go up"},
		{"families out of order", "DPS-MQTT-002", "DPS-HTTPS-001", "go up"},
		{"an unknown level", "level: must", "level: shall", "shall"},
		{"an unknown evidence", "evidence: sdk", "evidence: hearsay", "hearsay"},
		{"no statement", "statement: The service answers.", "statement: ''", "one sentence"},
		{"two sentences", "The service answers.", "The service answers. It polls.", "one sentence"},
		{"no source", "source: docs/protocol/device-api.md 2.4; azure-docs issue 69882", "source: ''", "docs/protocol"},
		{"a source without a witness", "2.4; azure-docs issue 69882", "2.4", "witness"},
		{"an unknown transport", "mqtt-ws", "mqtts", "mqtts"},
		{"a transport twice", "mqtt-ws", "mqtt", "twice"},
		{"an unknown need", "control", "luck", "luck"},
		{"a field that nobody knows", "    needs: [control]", "    needz: [control]", "needz"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			text := bytes.Replace([]byte(valid), []byte(c.old), []byte(c.new), 1)
			if bytes.Equal(text, []byte(valid)) {
				t.Fatal("the case changes nothing")
			}
			if _, err := requirement.Parse(text); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got %v, want an error that says %q", err, c.says)
			}
		})
	}
}

var heading = regexp.MustCompile(`(?m)^#+ ([0-9]+(?:\.[0-9]+)?)`)

// A reader who follows a source must arrive.
func TestEverySourceNamesASectionThatExists(t *testing.T) {
	sections := map[string]map[string]bool{}
	for _, name := range []string{"device-api.md", "service-api.md", "iot-hub.md"} {
		text, err := os.ReadFile("../../docs/protocol/" + name)
		if err != nil {
			t.Fatal(err)
		}
		sections[name] = map[string]bool{}
		for _, m := range heading.FindAllStringSubmatch(string(text), -1) {
			sections[name][m[1]] = true
		}
	}
	for _, r := range requirement.All() {
		where, _, _ := strings.Cut(r.Source, ";")
		for _, part := range strings.Split(where, "docs/protocol/")[1:] {
			name, list, _ := strings.Cut(strings.TrimSuffix(strings.TrimSpace(part), ","), " ")
			for _, section := range strings.Split(list, ", ") {
				number, _, _ := strings.Cut(section, " ")
				if !sections[name][number] {
					t.Errorf("%s: %s has no section %q", r.ID, name, number)
				}
			}
		}
	}
}
