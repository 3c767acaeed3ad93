package document_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/vectors"
	"github.com/dpslab/dpslab/reference/document"
	"github.com/dpslab/dpslab/reference/problem"
)

var moment = time.Date(2030, 1, 1, 0, 0, 0, 123456700, time.UTC)

// members are the names of an object's members, in order.
func members(t *testing.T, body []byte) []string {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(body))
	var names []string
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name.(string))
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			t.Fatal(err)
		}
		if string(value) == "null" {
			t.Errorf("%s is null", name)
		}
	}
	return names
}

func TestTheErrorDocumentIsTheCapturedOne(t *testing.T) {
	want := vectors.All().ErrorDocument
	p := problem.Unauthorized()
	p.Info = map[string]string{"k": "v"}
	got := document.Problem(p, "7c0f1d5e-0000-4000-8000-000000000001", moment)
	if names := members(t, got); !slices.Equal(names, want.Members) {
		t.Errorf("members %q, want %q", names, want.Members)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, want.Example); err != nil {
		t.Fatal(err)
	}
	if string(got) != compact.String() {
		t.Errorf("%s, want %s", got, compact.String())
	}
}

func TestInfoIsLeftOutWhenThereIsNone(t *testing.T) {
	if names := members(t, document.Problem(problem.Internal(), "x", moment)); slices.Contains(names, "info") {
		t.Errorf("members %q", names)
	}
}

func TestTrackingIDsAreGUIDsAndDiffer(t *testing.T) {
	one, two := document.NewTrackingID(), document.NewTrackingID()
	if one == two || !regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(one) {
		t.Errorf("%s and %s", one, two)
	}
}
