package strict_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/requirement"
	"github.com/dpslab/dpslab/internal/vectors"
	"github.com/dpslab/dpslab/suites/strict"
)

const operation = "5.00112233aabbccdd.7d1f0c1e-1111-4222-8333-444455556666"

// members change a document: a member that is gone is deleted, all others are set.
type members = map[string]any

type gone struct{}

// changed is a JSON document with other members.
func changed(body []byte, changes members) []byte {
	var doc members
	if err := json.Unmarshal(body, &doc); err != nil {
		panic(err)
	}
	for name, value := range changes {
		if _, out := value.(gone); out {
			delete(doc, name)
			continue
		}
		doc[name] = value
	}
	out, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	return out
}

// state changes members of the registrationState.
func state(body []byte, changes members) []byte {
	var doc struct {
		State json.RawMessage `json:"registrationState"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		panic(err)
	}
	return changed(body, members{"registrationState": json.RawMessage(changed(doc.State, changes))})
}

// document is an answer of the dossier by its end of the source's name.
func document(source string) []byte {
	for _, a := range vectors.All().Answers {
		if strings.HasPrefix(a.Source, "device-api.md 1.5, "+source) {
			return a.Body
		}
	}
	panic("no vector " + source)
}

// answer is a good answer over both transports at once: as HTTPS brings it, with a topic.
func answer(poll bool, code int, body []byte) strict.Answer {
	a := strict.Answer{
		Poll: poll, Code: code, RID: "7", Body: body, Sized: true, Topic: fmt.Sprintf("$dps/registrations/res/%d/?$rid=7", code),
		Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}},
	}
	if code == 202 {
		a.Topic += "&retry-after=3"
		a.Header.Set("Retry-After", "3")
	}
	return a
}

// good are answers as the dossier has them.
func good() map[string]strict.Answer {
	failure := vectors.All().ErrorDocument.Example
	all := map[string]strict.Answer{
		"a refused register request": answer(false, 401, failure),
		"a refused poll":             answer(true, 404, changed(failure, members{"errorCode": 404203})),
		"with certificate": answer(true, 200, state(document("assigned"), members{
			"x509": members{"certificateInfo": certificate(), "signingCertificateInfo": certificate()},
		})),
		"with an empty x509": answer(true, 200, state(document("assigned"), members{"x509": members{}})),
	}
	for _, a := range vectors.All().Answers {
		all[a.Source] = answer(!strings.HasSuffix(a.Source, "register"), a.Code, a.Body)
	}
	return all
}

func certificate() members {
	all := members{}
	for _, name := range strings.Fields("subjectName sha1Thumbprint sha256Thumbprint issuerName notBeforeUtc notAfterUtc serialNumber version") {
		all[name] = "x"
	}
	return all
}

func TestGoodAnswersKeepEveryRule(t *testing.T) {
	knowDisabled := []string{"azure-iot-sdk-csharp", "azure-iot-sdk-java", "azure-iot-sdk-c", "azure-sdk-for-c",
		"azure-iot-middleware-freertos", "iot-identity-service"}
	for _, sdk := range strict.All {
		for what, a := range good() {
			for _, over := range sdk.Transports {
				for _, rule := range sdk.Rules(over) {
					wrong := rule.Broken(a)
					// Two SDKs end a registration that is disabled with an error of their own.
					if wrong == `the status is "disabled"` && !slices.Contains(knowDisabled, sdk.Name) {
						continue
					}
					if wrong != "" {
						t.Errorf("%s over %s, %s: %s: %s", sdk.Name, over, what, rule.Words, wrong)
					}
				}
			}
		}
	}
}

// bad is a sample that an SDK must not take, and which requirement it breaks.
type bad struct {
	sdk         strict.SDK
	over        dps.Transport
	requirement string
	what        string
	answer      strict.Answer
}

func topic(text string) strict.Answer {
	a := answer(true, 202, document("a poll"))
	a.Topic = text
	return a
}

func header(change func(a *strict.Answer)) strict.Answer {
	a := answer(true, 200, document("assigned"))
	change(&a)
	return a
}

var (
	assigning = document("register")
	polled    = document("a poll")
	assigned  = document("assigned")
	failed    = document("failed")
	disabled  = document("disabled")
	refusal   = []byte(vectors.All().ErrorDocument.Example)
)

var samples = []bad{
	// What all demand of the first answer and of the last.
	{strict.Edge, dps.HTTPS, "DPS-HTTPS-002", "no JSON", answer(false, 202, []byte("assigning"))},
	{strict.Edge, dps.HTTPS, "DPS-HTTPS-002", "null", answer(false, 202, []byte("null"))},
	{strict.Edge, dps.HTTPS, "DPS-HTTPS-002", "no operationId", answer(false, 202, changed(assigning, members{"operationId": gone{}}))},
	{strict.Edge, dps.HTTPS, "DPS-HTTPS-005", "assigned without a hub", answer(true, 200, state(assigned, members{"assignedHub": gone{}, "deviceId": gone{}}))},
	{strict.Edge, dps.HTTPS, "DPS-HTTPS-003", "unassigned", answer(false, 202, changed(assigning, members{"status": "unassigned"}))},
	{strict.Edge, dps.HTTPS, "DPS-HTTPS-010", "declared as text", header(func(a *strict.Answer) { a.Header.Set("Content-Type", "text/plain") })},
	{strict.Edge, dps.HTTPS, "DPS-HTTPS-010", "not declared", header(func(a *strict.Answer) { a.Header = http.Header{} })},
	{strict.Edge, dps.HTTPS, "DPS-HTTPS-027", "an error without a message", answer(false, 401, changed(refusal, members{"message": gone{}}))},

	{strict.CSharp, dps.HTTPS, "DPS-HTTPS-001", "200 to register", answer(false, 200, assigning)},
	{strict.CSharp, dps.HTTPS, "DPS-HTTPS-001", "a redirect", answer(true, 302, assigning)},
	{strict.CSharp, dps.HTTPS, "DPS-HTTPS-027", "an error that is text", answer(false, 401, []byte("Unauthorized"))},
	{strict.CSharp, dps.MQTT, "DPS-MQTT-042", "an error that is text", answer(false, 401, []byte("Unauthorized"))},
	{strict.CSharp, dps.MQTT, "DPS-MQTT-042", "an error without a body", answer(false, 401, nil)},
	{strict.CSharp, dps.HTTPS, "DPS-HTTPS-002", "no operationId", answer(false, 202, changed(assigning, members{"operationId": gone{}}))},
	{strict.CSharp, dps.HTTPS, "DPS-HTTPS-034", "an operationId with a slash", answer(false, 202, changed(assigning, members{"operationId": "a/b"}))},
	{strict.CSharp, dps.MQTT, "DPS-MQTT-071", "an operationId with an &", answer(false, 202, changed(assigning, members{"operationId": "a&b"}))},
	{strict.CSharp, dps.MQTT, "DPS-MQTT-071", "a long operationId", answer(false, 202, changed(assigning, members{"operationId": strings.Repeat("x", 129)}))},
	{strict.CSharp, dps.MQTT, "DPS-MQTT-064", "a word in capitals", answer(false, 202, changed(assigning, members{"status": "Assigning"}))},
	{strict.CSharp, dps.HTTPS, "DPS-HTTPS-038", "a date in words", answer(true, 200, state(assigned, members{"createdDateTimeUtc": "yesterday"}))},
	{strict.CSharp, dps.MQTT, "DPS-MQTT-072", "a date as a number", answer(true, 200, state(assigned, members{"lastUpdatedDateTimeUtc": 1893456000}))},
	{strict.CSharp, dps.MQTT, "DPS-MQTT-048", "assigned without a device id", answer(true, 200, state(assigned, members{"deviceId": gone{}}))},
	{strict.CSharp, dps.MQTT, "DPS-MQTT-057", "a packet over 256 KiB", answer(true, 200, state(assigned, members{"payload": members{"x": strings.Repeat("x", 256<<10)}}))},
	{strict.CSharp, dps.MQTT, "DPS-MQTT-004", "retry-after before $rid", topic("$dps/registrations/res/202/?retry-after=3&$rid=7")},
	{strict.CSharp, dps.MQTT, "DPS-MQTT-004", "no slash before the query", topic("$dps/registrations/res/202?$rid=7")},
	{strict.CSharp, dps.MQTT, "DPS-MQTT-004", "a code in words", topic("$dps/registrations/res/accepted/?$rid=7")},

	{strict.Java, dps.MQTT, "DPS-MQTT-004", "retry-after first", topic("$dps/registrations/res/202/?retry-after=3&$rid=7")},
	{strict.Java, dps.MQTT, "DPS-MQTT-004", "retry-after in fractions", topic("$dps/registrations/res/202/?$rid=7&retry-after=0.5")},
	{strict.Java, dps.MQTT, "DPS-MQTT-004", "an empty retry-after", topic("$dps/registrations/res/202/?$rid=7&retry-after=")},
	{strict.Java, dps.HTTPS, "DPS-HTTPS-049", "a poll without operationId", answer(true, 202, changed(polled, members{"operationId": gone{}}))},
	{strict.Java, dps.MQTT, "DPS-MQTT-068", "a poll without status", answer(true, 200, changed(assigned, members{"status": gone{}}))},
	{strict.Java, dps.MQTT, "DPS-MQTT-068", "a status that is null", answer(true, 200, changed(assigned, members{"status": nil}))},
	{strict.Java, dps.HTTPS, "DPS-HTTPS-050", "a state without registrationId", answer(true, 202, state(polled, members{"registrationId": gone{}}))},
	{strict.Java, dps.MQTT, "DPS-MQTT-069", "a state without status", answer(true, 200, state(failed, members{"status": gone{}}))},
	{strict.Java, dps.HTTPS, "DPS-HTTPS-036", "failed without a state", answer(true, 200, changed(failed, members{"registrationState": gone{}}))},
	{strict.Java, dps.HTTPS, "DPS-HTTPS-037", "disabled without a state", answer(true, 200, changed(disabled, members{"registrationState": gone{}}))},
	{strict.Java, dps.MQTT, "DPS-MQTT-049", "failed with a state of null", answer(true, 200, changed(failed, members{"registrationState": nil}))},
	{strict.Java, dps.MQTT, "DPS-MQTT-050", "disabled without a state", answer(true, 200, changed(disabled, members{"registrationState": gone{}}))},
	{strict.Java, dps.HTTPS, "DPS-X509-015", "certificateInfo in part", answer(true, 200, state(assigned, members{"x509": members{"certificateInfo": members{"subjectName": "CN=x"}}}))},
	{strict.Java, dps.MQTT, "DPS-X509-015", "a member that is null", answer(true, 200, state(assigned, members{
		"x509": members{"signingCertificateInfo": members(changedMap(certificate(), "version", nil))},
	}))},
	{strict.Java, dps.HTTPS, "DPS-HTTPS-040", "a payload that is a string", answer(true, 200, state(assigned, members{"payload": "text"}))},
	{strict.Java, dps.MQTT, "DPS-MQTT-067", "a payload that is a list", answer(true, 200, state(assigned, members{"payload": []int{1}}))},
	{strict.Java, dps.HTTPS, "DPS-HTTPS-003", "a word that nobody knows", answer(false, 202, changed(assigning, members{"status": "waiting"}))},
	{strict.Java, dps.HTTPS, "DPS-HTTPS-034", "an operationId with a question mark", answer(false, 202, changed(assigning, members{"operationId": "a?b"}))},
	{strict.Java, dps.HTTPS, "DPS-HTTPS-002", "an operationId that is a number", answer(false, 202, changed(assigning, members{"operationId": 5}))},
	{strict.Java, dps.HTTPS, "DPS-HTTPS-005", "assigned without a hub", answer(true, 200, state(assigned, members{"assignedHub": gone{}}))},

	{strict.Node, dps.MQTT, "DPS-MQTT-004", "no query", topic("$dps/registrations/res/202/")},
	{strict.Node, dps.MQTT, "DPS-MQTT-004", "a code in words", topic("$dps/registrations/res/ok/?$rid=7")},
	{strict.Node, dps.MQTT, "DPS-MQTT-007", "another $rid", topic("$dps/registrations/res/202/?$rid=8&retry-after=3")},
	{strict.Node, dps.MQTT, "DPS-MQTT-007", "no $rid", topic("$dps/registrations/res/202/?rid=7&retry-after=3")},
	{strict.Node, dps.HTTPS, "DPS-HTTPS-027", "an error without a body", answer(true, 404, nil)},
	{strict.Node, dps.HTTPS, "DPS-HTTPS-003", "unassigned", answer(false, 202, changed(assigning, members{"status": "unassigned"}))},
	{strict.Node, dps.MQTT, "DPS-MQTT-064", "disabled", answer(true, 200, disabled)},
	{strict.Node, dps.HTTPS, "DPS-HTTPS-002", "an empty body", answer(false, 202, nil)},
	{strict.Node, dps.HTTPS, "DPS-HTTPS-034", "an operationId with a space", answer(false, 202, changed(assigning, members{"operationId": "a b"}))},
	{strict.Node, dps.HTTPS, "DPS-HTTPS-005", "assigned without a state", answer(true, 200, changed(assigned, members{"registrationState": gone{}}))},

	{strict.Python, dps.MQTT, "DPS-MQTT-004", "a third dollar sign", topic("$dps/registrations/res/202/?$rid=7&$retry-after=3")},
	{strict.Python, dps.MQTT, "DPS-MQTT-004", "a pair without =", topic("$dps/registrations/res/202/?$rid=7&retry-after")},
	{strict.Python, dps.MQTT, "DPS-MQTT-004", "a name twice", topic("$dps/registrations/res/202/?$rid=7&retry-after=3&retry-after=3")},
	{strict.Python, dps.MQTT, "DPS-MQTT-004", "a code in words", topic("$dps/registrations/res/ok/?$rid=7")},
	{strict.Python, dps.MQTT, "DPS-MQTT-004", "no slashes", topic("$dps$rid=7")},
	{strict.Python, dps.MQTT, "DPS-MQTT-004", "something else behind the second dollar sign", topic("$dps/registrations/res/202/?$id=7")},
	{strict.Python, dps.MQTT, "DPS-MQTT-064", "unassigned", answer(false, 202, changed(assigning, members{"status": "unassigned"}))},
	{strict.Python, dps.MQTT, "DPS-MQTT-005", "no operationId", answer(false, 202, changed(assigning, members{"operationId": gone{}}))},
	{strict.Python, dps.MQTT, "DPS-MQTT-048", "a hub that is a number", answer(true, 200, state(assigned, members{"assignedHub": 1}))},

	{strict.C, dps.HTTPS, "DPS-HTTPS-011", "chunked", header(func(a *strict.Answer) { a.Sized = false })},
	{strict.C, dps.MQTT, "DPS-MQTT-004", "another prefix", topic("dps/registrations/res/202/?$rid=7")},
	{strict.C, dps.MQTT, "DPS-MQTT-004", "no code behind the prefix", topic("$dps/registrations/res//202/?$rid=7")},
	{strict.C, dps.HTTPS, "DPS-HTTPS-003", "unassigned without a challenge", answer(false, 202, changed(assigning, members{"status": "unassigned"}))},
	{strict.C, dps.MQTT, "DPS-MQTT-064", "unassigned with half a challenge", answer(false, 202, changed(assigning, members{"status": "unassigned", "keyName": "x"}))},
	{strict.C, dps.HTTPS, "DPS-HTTPS-003", "a word in capitals", answer(true, 200, changed(assigned, members{"status": "Assigned"}))},
	{strict.C, dps.MQTT, "DPS-MQTT-071", "an operationId with a $", answer(false, 202, changed(assigning, members{"operationId": "a$b"}))},
	{strict.C, dps.MQTT, "DPS-MQTT-005", "a list", answer(false, 202, []byte("[]"))},
	{strict.C, dps.MQTT, "DPS-MQTT-048", "assigned without a hub", answer(true, 200, state(assigned, members{"assignedHub": gone{}}))},

	{strict.EmbeddedC, dps.MQTT, "DPS-MQTT-004", "a negative code", topic("$dps/registrations/res/-202/?$rid=7")},
	{strict.EmbeddedC, dps.MQTT, "DPS-MQTT-004", "a code that nothing ends", topic("$dps/registrations/res/202")},
	{strict.EmbeddedC, dps.MQTT, "DPS-MQTT-004", "retry-after of 33 bits", topic("$dps/registrations/res/202/?$rid=1&retry-after=4294967296")},
	{strict.EmbeddedC, dps.MQTT, "DPS-MQTT-004", "retry-after in words", topic("$dps/registrations/res/202/?$rid=1&retry-after=soon")},
	{strict.EmbeddedC, dps.MQTT, "DPS-MQTT-042", "an empty body", answer(true, 500, nil)},
	{strict.EmbeddedC, dps.MQTT, "DPS-MQTT-042", "an error without errorCode", answer(false, 401, changed(refusal, members{"errorCode": gone{}}))},
	{strict.EmbeddedC, dps.MQTT, "DPS-MQTT-042", "an errorCode of three digits", answer(false, 401, changed(refusal, members{"errorCode": 401}))},
	{strict.EmbeddedC, dps.MQTT, "DPS-MQTT-042", "an errorCode that is a string", answer(false, 401, changed(refusal, members{"errorCode": "401002"}))},
	{strict.EmbeddedC, dps.MQTT, "DPS-MQTT-051", "errorMessage that is null", answer(true, 200, state(assigned, members{"errorMessage": nil}))},
	{strict.EmbeddedC, dps.MQTT, "DPS-MQTT-051", "operationId that is null", answer(true, 200, changed(assigned, members{"operationId": nil}))},
	{strict.EmbeddedC, dps.MQTT, "DPS-MQTT-070", "errorCode that is a string", answer(true, 200, state(failed, members{"errorCode": "400207"}))},
	{strict.EmbeddedC, dps.MQTT, "DPS-MQTT-070", "errorCode with a fraction", answer(true, 200, state(failed, members{"errorCode": 400207.5}))},
	{strict.EmbeddedC, dps.MQTT, "DPS-MQTT-070", "a state that is a list", answer(true, 200, changed(assigned, members{"registrationState": []int{}}))},
	{strict.EmbeddedC, dps.MQTT, "DPS-MQTT-070", "a hub that is an object", answer(true, 200, state(assigned, members{"assignedHub": members{}}))},
	{strict.EmbeddedC, dps.MQTT, "DPS-MQTT-070", "a status that is a boolean", answer(true, 200, changed(assigned, members{"status": true}))},
	{strict.EmbeddedC, dps.MQTT, "DPS-MQTT-064", "a word in capitals", answer(true, 200, changed(assigned, members{"status": "ASSIGNED"}))},
	{strict.EmbeddedC, dps.MQTT, "DPS-MQTT-065", "a hub without a device id", answer(true, 200, state(failed, members{"assignedHub": "hub"}))},
	{strict.EmbeddedC, dps.MQTT, "DPS-MQTT-065", "a device id without a hub", answer(true, 200, state(failed, members{"deviceId": "x"}))},
	{strict.EmbeddedC, dps.MQTT, "DPS-MQTT-067", "a payload that is a number", answer(true, 200, state(assigned, members{"payload": 1}))},
	{strict.EmbeddedC, dps.MQTT, "DPS-MQTT-005", "no operationId", answer(false, 202, changed(assigning, members{"operationId": gone{}}))},
	{strict.EmbeddedC, dps.MQTT, "DPS-MQTT-071", "an operationId with a +", answer(false, 202, changed(assigning, members{"operationId": "a+b"}))},
	{strict.EmbeddedC, dps.MQTT, "DPS-MQTT-048", "assigned with neither", answer(true, 200, state(assigned, members{"assignedHub": gone{}, "deviceId": gone{}}))},
}

func changedMap(m members, name string, value any) members {
	m = maps.Clone(m)
	m[name] = value
	return m
}

func TestBadAnswersBreakTheirRule(t *testing.T) {
	for _, s := range samples {
		t.Run(s.sdk.Name+" over "+s.over.String()+": "+s.what, func(t *testing.T) {
			for _, rule := range s.sdk.Rules(s.over) {
				if rule.Requirement(s.over) == s.requirement && rule.Broken(s.answer) != "" {
					return
				}
			}
			t.Errorf("the answer is taken, no rule of %s refuses it: %s %s", s.requirement, s.answer.Topic, s.answer.Body)
		})
	}
}

// A rule that no sample breaks may be one that cannot be broken.
func TestEveryRuleHasASampleThatBreaksIt(t *testing.T) {
	for _, sdk := range strict.All {
		if sdk.Name == strict.FreeRTOS.Name { // its parser is that of EmbeddedC
			continue
		}
		for _, over := range sdk.Transports {
			for _, rule := range sdk.Rules(over) {
				broken := slices.ContainsFunc(samples, func(s bad) bool {
					return s.sdk.Name == sdk.Name && rule.Broken(s.answer) != ""
				})
				if rule.Judges() && !broken {
					t.Errorf("%s over %s: no sample breaks the rule that %s", sdk.Name, over, rule.Words)
				}
			}
		}
	}
}

// A rule is only worth a complaint when it leads to a clause, over that transport.
func TestEveryRuleNamesARequirement(t *testing.T) {
	for _, sdk := range strict.All {
		for _, over := range sdk.Transports {
			for _, rule := range sdk.Rules(over) {
				r, known := requirement.Find(rule.Requirement(over))
				if !known || !slices.Contains(r.Transports, over.String()) {
					t.Errorf("%s over %s: the rule that %s names %s, known %v, over %v", sdk.Name, over, rule.Words, rule.Requirement(over), known, r.Transports)
				}
			}
		}
	}
}
