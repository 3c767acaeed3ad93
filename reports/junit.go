package reports

import (
	"encoding/xml"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// WriteJUnit writes the run as JUnit XML: a testsuite for each family, a testcase for each
// result. Disabled results are skipped ones to JUnit, which knows no other word.
// Text that is very long is cut and says so; characters that XML cannot carry, or that a
// terminal would obey, become U+FFFD.
func WriteJUnit(w io.Writer, r Run) error {
	r = r.bounded()
	doc := junitSuites{Name: "dpslab conformance", Time: seconds(r.Duration)}
	bySuite := map[string]int{}
	for _, one := range r.Results {
		clause, _ := r.Clause(one.Requirement)
		name := clause.Family()
		i, ok := bySuite[name]
		if !ok {
			i = len(doc.Suites)
			bySuite[name] = i
			doc.Suites = append(doc.Suites, junitSuite{
				Name: name, Timestamp: r.Started.UTC().Format("2006-01-02T15:04:05"), Hostname: r.Target.Host,
				Properties: suiteProperties(r, name),
			})
		}
		s := &doc.Suites[i]
		s.add(testcase(one, clause))
		s.took += one.Duration
		s.Time = seconds(s.took)
	}
	doc.Suites = append(doc.Suites, runSuites(r)...)
	for _, s := range doc.Suites {
		doc.Tests += s.Tests
		doc.Failures += s.Failures
		doc.Errors += s.Errors
		doc.Skipped += s.Skipped
	}
	var b strings.Builder
	b.WriteString(xml.Header)
	e := xml.NewEncoder(&b)
	e.Indent("", "  ")
	if err := e.Encode(doc); err != nil {
		return err
	}
	_, err := io.WriteString(w, printable(b.String()+"\n"))
	return err
}

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string           `xml:"name,attr"`
	Tests      int              `xml:"tests,attr"`
	Failures   int              `xml:"failures,attr"`
	Errors     int              `xml:"errors,attr"`
	Skipped    int              `xml:"skipped,attr"`
	Time       string           `xml:"time,attr"`
	Timestamp  string           `xml:"timestamp,attr"`
	Hostname   string           `xml:"hostname,attr"`
	Properties *junitProperties `xml:"properties"`
	Cases      []junitCase      `xml:"testcase"`

	took time.Duration
}

type junitCase struct {
	Name       string           `xml:"name,attr"`
	Classname  string           `xml:"classname,attr"`
	Time       string           `xml:"time,attr"`
	File       string           `xml:"file,attr,omitempty"`
	Properties *junitProperties `xml:"properties"`
	Skipped    *junitMessage    `xml:"skipped"`
	Failure    *junitMessage    `xml:"failure"`
	Error      *junitMessage    `xml:"error"`
	SystemOut  string           `xml:"system-out,omitempty"`
}

type junitProperties struct {
	Properties []junitProperty `xml:"property"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

func (s *junitSuite) add(c junitCase) {
	s.Cases = append(s.Cases, c)
	s.Tests++
	switch {
	case c.Skipped != nil:
		s.Skipped++
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	}
}

func testcase(r Result, clause Clause) junitCase {
	c := junitCase{
		Name: cut(r.Name(), wordBytes), Classname: "dpslab." + clause.Family(), Time: seconds(r.Duration),
		Properties: properties(
			"requirement", r.Requirement, "level", clause.Level, "transport", r.Transport,
			"source", clause.Source, "evidence", clause.Evidence,
			"assertions", strconv.Itoa(r.Assertions), "rerun", r.Rerun),
	}
	text := Red(r, clause)
	switch r.Outcome {
	case Disabled, Skipped:
		c.Skipped = &junitMessage{Message: r.Outcome.String() + ": " + r.Reason}
	case Failed:
		if r.Known != "" {
			c.Skipped = &junitMessage{Message: "known to fail: " + r.Known}
			break
		}
		c.Failure = &junitMessage{Message: oneLine(r.Failure, junitMessageWidth), Type: "failed", Text: text}
	case Error:
		c.Error = &junitMessage{Message: oneLine(r.Failure, junitMessageWidth), Type: "error", Text: text}
	}
	if r.Outcome.Red() {
		c.File, _, _ = strings.Cut(r.At, ":")
		c.SystemOut = r.Exchange.String()
	}
	return c
}

// junitMessageWidth keeps the message attribute to what a list of failures can show; the
// whole text is in the element.
const junitMessageWidth = 300

func suiteProperties(r Run, family string) *junitProperties {
	var missing []string
	for _, id := range r.NotCovered {
		if (Clause{ID: id}).Family() == family {
			missing = append(missing, id)
		}
	}
	return properties("target", r.Target.Host, "idScope", r.Target.IDScope,
		"catalogue", r.Catalogue.Version, "catalogueDigest", r.Catalogue.Digest,
		"defects", strings.Join(r.Target.Defects, " "), "notCovered", strings.Join(missing, " "))
}

// runSuites are the failures that belong to no check: claims that what was seen
// contradicts, and failures that were expected and did not come.
func runSuites(r Run) []junitSuite {
	suites := []junitSuite{{Name: "claims", Hostname: r.Target.Host}, {Name: "known failures", Hostname: r.Target.Host}}
	for _, c := range r.Claims {
		if c.Outcome == Failed {
			suites[0].add(junitCase{
				Name: "the claim of " + c.Name, Classname: "dpslab.claims", Time: seconds(0),
				Failure: &junitMessage{Message: oneLine(c.String(), junitMessageWidth), Type: "failed", Text: c.Red()},
			})
		}
	}
	for _, k := range r.Stale {
		suites[1].add(junitCase{
			Name: k.String() + " fails as expected", Classname: "dpslab.known", Time: seconds(0),
			Failure: &junitMessage{Message: oneLine(k.Reason, junitMessageWidth), Type: "failed", Text: k.Red()},
		})
	}
	for i := range suites {
		suites[i].Time, suites[i].Timestamp = seconds(0), r.Started.UTC().Format("2006-01-02T15:04:05")
	}
	return slices.DeleteFunc(suites, func(s junitSuite) bool { return s.Tests == 0 })
}

// properties takes names and values in turn and leaves out what has no value.
func properties(pairs ...string) *junitProperties {
	p := &junitProperties{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			p.Properties = append(p.Properties, junitProperty{pairs[i], pairs[i+1]})
		}
	}
	return p
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }
