package serviceapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/serviceapi"
)

const bulkPath = "/enrollments" + version

// bulk is an operation on individual enrollments with symmetric keys of the service's making.
func bulk(mode string, ids ...string) string {
	var items []string
	for _, id := range ids {
		items = append(items, fmt.Sprintf(`{"registrationId":%q,"attestation":{"type":"symmetricKey"}}`, id))
	}
	return fmt.Sprintf(`{"mode":%q,"enrollments":[%s]}`, mode, strings.Join(items, ","))
}

// result is what an operation answered: the ids that failed, each with its code.
func (a answer) result(t *testing.T) (successful bool, failed map[string]int) {
	t.Helper()
	var doc struct {
		IsSuccessful *bool
		Errors       []struct {
			RegistrationID, EnrollmentGroupID, ErrorStatus string
			ErrorCode                                      int
		}
	}
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil || a.status != 200 || doc.IsSuccessful == nil || doc.Errors == nil {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	failed = map[string]int{}
	for _, e := range doc.Errors {
		if e.ErrorStatus == "" {
			t.Errorf("an error without text: %s", a.body)
		}
		failed[e.RegistrationID+e.EnrollmentGroupID] = e.ErrorCode
	}
	return *doc.IsSuccessful, failed
}

func TestABulkOperationAppliesWhatItCan(t *testing.T) {
	for _, c := range []struct {
		rule, body string
		failed     map[string]int
		left       string // the ids that are stored afterwards, of old and what was made
	}{
		{"create", bulk("create", "a", "b"), nil, "a b old"},
		{"create one that exists", bulk("create", "a", "OLD", "b"), map[string]int{"OLD": 409201}, "a b old"},
		{"create one with a bad id", bulk("create", "a_", "b"), map[string]int{"a_": 400004}, "b old"},
		{"create one without its attestation", `{"mode":"create","enrollments":[{"registrationId":"t","attestation":{"type":"tpm"}},{"registrationId":"s","attestation":{"type":"symmetricKey"}}]}`,
			map[string]int{"t": 400004}, "old s"},
		{"update", bulk("update", "old"), nil, "old"},
		{"update one that is not there", bulk("update", "old", "a"), map[string]int{"a": 404201}, "old"},
		{"update by etag without one", bulk("updateIfMatchETag", "old"), map[string]int{"old": 412201}, "old"},
		{"update by etag one that is not there", bulk("updateIfMatchEtag", "a"), map[string]int{"a": 404201}, "old"},
		{"delete", bulk("DELETE", "Old"), nil, ""},
		{"delete one that is not there", bulk("delete", "a", "old"), map[string]int{"a": 404201}, ""},
		{"delete by id alone", `{"mode":"delete","enrollments":[{"registrationId":"old"}]}`, nil, ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			l := open(t)
			l.must(200, "PUT", "/enrollments/old"+version, `{"registrationId":"old","attestation":{"type":"symmetricKey"}}`)
			successful, failed := l.do("POST", bulkPath, c.body).result(t)
			if successful != (len(c.failed) == 0) || fmt.Sprint(failed) != fmt.Sprint(c.failed) {
				t.Errorf("isSuccessful %v, failed %v", successful, failed)
			}
			if left := strings.Join(ids(t, l.do("GET", "/enrollments", ""), "registrationId"), " "); left != c.left {
				t.Errorf("%q is left", left)
			}
		})
	}
}

func TestBulkOperationsThatChangeNothing(t *testing.T) {
	eleven := strings.Fields("a b c d e f g h i j k")
	for rule, body := range map[string]string{
		"no items": bulk("create"), "more than ten": bulk("create", eleven...), "an id twice": bulk("create", "a", "b", "A"),
		"an unknown mode": bulk("upsert", "a"), "no mode": `{"enrollments":[{"registrationId":"a","attestation":{"type":"symmetricKey"}}]}`,
		"no list": `{"mode":"create"}`, "the groups' list": `{"mode":"create","enrollmentGroups":[{"enrollmentGroupId":"a","attestation":{"type":"symmetricKey"}}]}`,
		"an item without id":       `{"mode":"create","enrollments":[{"registrationId":"a","attestation":{"type":"symmetricKey"}},{}]}`,
		"an item that is null":     `{"mode":"create","enrollments":[{"registrationId":"a","attestation":{"type":"symmetricKey"}},null]}`,
		"a member of another type": `{"mode":"create","enrollments":[{"registrationId":"a","attestation":{"type":"symmetricKey"}},{"registrationId":7}]}`,
		"no object":                `["create"]`, "nothing": ``,
	} {
		t.Run(rule, func(t *testing.T) {
			l := open(t, func(o *serviceapi.Options) { o.NaiveREST = false })
			l.do("POST", bulkPath, body).refused(t, rule, 400004)
			if n := l.stored(enrollment.Individual) + l.stored(enrollment.Group); n != 0 {
				t.Errorf("%d records were made", n)
			}
		})
	}
	l := open(t)
	l.do("POST", "/enrollments", bulk("create", "a")).refused(t, "no api-version, beside naive requests that need none", 400003)
}

func TestABulkUpdateKeepsWhatItIsNotShown(t *testing.T) {
	l := open(t)
	made := l.must(200, "PUT", "/enrollments/old"+version, `{"registrationId":"old","attestation":{"type":"symmetricKey"}}`)
	keys := fmt.Sprint(symmetricKey(made))
	read := l.must(200, "GET", "/enrollments/old"+version, "")
	for _, mode := range []string{"updateIfMatchETag", "update"} { // the second finds its etag outdated and does not mind
		item, err := json.Marshal(read)
		if err != nil {
			t.Fatal(err)
		}
		if ok, failed := l.do("POST", bulkPath, fmt.Sprintf(`{"mode":%q,"enrollments":[%s]}`, mode, item)).result(t); !ok {
			t.Errorf("%s: %v", mode, failed)
		}
		now := l.must(200, "GET", "/enrollments/old"+version, "")
		if now["etag"] == read["etag"] || now["createdDateTimeUtc"] != read["createdDateTimeUtc"] {
			t.Errorf("%s: %v became %v", mode, read, now)
		}
		mechanism := l.must(200, "POST", "/enrollments/old/attestationmechanism"+version, "")
		if got := fmt.Sprint(mechanism["symmetricKey"]); got != keys {
			t.Errorf("%s: the keys changed", mode)
		}
	}
}

func TestABulkOperationOnGroups(t *testing.T) {
	l := open(t, func(o *serviceapi.Options) { o.NaiveREST = false })
	body := `{"mode":"create","enrollmentGroups":[{"enrollmentGroupId":"line-a","attestation":{"type":"symmetricKey"}},{"enrollmentGroupId":"line-b","attestation":{"type":"tpm","tpm":{"endorsementKey":"a"}}}]}`
	if ok, failed := l.do("POST", "/enrollmentGroups/"+version, body).result(t); ok || fmt.Sprint(failed) != "map[line-b:400004]" {
		t.Errorf("%v %v", ok, failed)
	}
	if l.stored(enrollment.Group) != 1 || l.stored(enrollment.Individual) != 0 {
		t.Error("not the one group was made")
	}
}

// broken is a store that cannot write one record.
type broken struct{ enrollment.Store }

func (b broken) Create(ctx context.Context, e enrollment.Enrollment) error {
	if e.ID == "b" {
		return errors.New("the disk is full")
	}
	return b.Store.Create(ctx, e)
}

// What a store cannot keep is an item's error as any other: the client must learn which
// items are stored.
func TestABulkItemThatCannotBeStored(t *testing.T) {
	l := open(t, func(o *serviceapi.Options) { o.Enrollments = broken{o.Enrollments} })
	a := l.do("POST", bulkPath, bulk("create", "a", "b", "c"))
	if ok, failed := a.result(t); ok || fmt.Sprint(failed) != "map[b:500000]" || strings.Contains(a.body, "disk") {
		t.Errorf("%v %s", ok, a.body)
	}
	if l.stored(enrollment.Individual) != 2 {
		t.Error("the others were not stored")
	}
}

// What is taken has a mode and one to ten items; all else is refused as the service refuses.
func FuzzParseBulk(f *testing.F) {
	f.Add(false, []byte(bulk("create", "a", "b")))
	f.Add(true, []byte(`{"mode":"updateIfMatchEtag","enrollmentGroups":[{"enrollmentGroupId":"a","etag":"\"x\""}]}`))
	f.Add(false, []byte(`{"mode":"delete","enrollments":[null,{}]}`))
	f.Add(false, []byte(`{"mode":1,"enrollments":{}}`))
	f.Fuzz(func(t *testing.T, ofGroups bool, body []byte) {
		kind := enrollment.Individual
		if ofGroups {
			kind = enrollment.Group
		}
		mode, items, err := serviceapi.ParseBulk(kind, body)
		switch {
		case err != nil && problem.As(err).Class() != 400:
			t.Errorf("%q: %v", body, err)
		case err == nil && (mode == "" || items < 1 || items > 10):
			t.Errorf("%q is taken: %q of %d items", body, mode, items)
		}
	})
}
