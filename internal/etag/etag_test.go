package etag_test

import (
	"crypto/rand"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/etag"
)

const stored = etag.ETag("0000e8c2-0000-0600-0000-618ed8610000")

func TestNewHasTheServicesShapeAndDiffers(t *testing.T) {
	now := time.Unix(0x618ed861, 0)
	shape := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-618ed8610000$`)
	seen := map[etag.ETag]bool{}
	for range 1000 {
		e := etag.New(rand.Reader, now)
		if !shape.MatchString(string(e)) {
			t.Fatalf("%s", e)
		}
		if seen[e] {
			t.Fatalf("%s came twice", e)
		}
		seen[e] = true
	}
}

func TestWrittenForms(t *testing.T) {
	if got := stored.Quoted(); got != `"0000e8c2-0000-0600-0000-618ed8610000"` {
		t.Error(got)
	}
	if got := stored.Base64(); got != "IjAwMDBlOGMyLTAwMDAtMDYwMC0wMDAwLTYxOGVkODYxMDAwMCI=" {
		t.Error(got)
	}
}

func TestEveryWrittenFormOfIfMatchMatches(t *testing.T) {
	for name, value := range map[string]string{
		"quoted":                   stored.Quoted(),
		"unquoted":                 string(stored),
		"opened only":              `"` + string(stored),
		"closed only":              string(stored) + `"`,
		"weak":                     "W/" + stored.Quoted(),
		"base64 of the quoted one": stored.Base64(),
		"quoted base64":            `"` + stored.Base64() + `"`,
		"one of a list":            `"other", ` + stored.Quoted(),
		"any":                      "*",
	} {
		c, err := etag.ParseIfMatch(http.Header{"If-Match": {value}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !c.Given() || !c.Matches(stored) {
			t.Errorf("%s: given %v, matches %v", name, c.Given(), c.Matches(stored))
		}
	}
}

func TestAnotherTagDoesNotMatch(t *testing.T) {
	for _, value := range []string{`"0000e8c2"`, strings.ToUpper(string(stored)), etag.ETag("other").Base64()} {
		c, err := etag.ParseIfMatch(http.Header{"If-Match": {value}})
		if err != nil || c.Matches(stored) {
			t.Errorf("%q: matches %v, %v", value, c.Matches(stored), err)
		}
	}
}

func TestAnyInEverySpelling(t *testing.T) {
	for value, want := range map[string]bool{"*": true, `"*"`: true, `W/"*"`: true, " * ": true, `"a*"`: false} {
		c, err := etag.ParseIfMatch(http.Header{"If-Match": {value}})
		if err != nil || c.Any() != want {
			t.Errorf("%q: any %v, %v", value, c.Any(), err)
		}
	}
}

func TestNoHeaderIsNoCondition(t *testing.T) {
	c, err := etag.ParseIfMatch(http.Header{})
	if err != nil || c.Given() || c.Any() || !c.Matches(stored) {
		t.Fatalf("%+v, %v", c, err)
	}
}

func TestMalformedIfMatchIsRefused(t *testing.T) {
	for _, value := range []string{"", " ", `""`, `"a"b"`, "a b", `"a",`, "W/", strings.Repeat("a", 2000)} {
		if _, err := etag.ParseIfMatch(http.Header{"If-Match": {value}}); !errors.Is(err, etag.ErrInvalid) {
			t.Errorf("%q: %v", value, err)
		}
	}
}
