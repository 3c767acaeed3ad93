package document_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/vectors"
	"github.com/dpslab/dpslab/reference/document"
	"github.com/dpslab/dpslab/reference/registration"
)

// A record may know more than its state shows: where the device was before it failed, and
// what went wrong before it was assigned.
func TestAStateShowsWhatItsStatusHas(t *testing.T) {
	always := []string{"registrationId", "createdDateTimeUtc", "status", "lastUpdatedDateTimeUtc", "etag"}
	for status, more := range map[dps.Status][]string{
		dps.StatusUnassigned: nil,
		dps.StatusAssigning:  nil,
		dps.StatusAssigned:   {"assignedHub", "deviceId", "substatus", "payload"},
		dps.StatusFailed:     {"errorCode", "errorMessage"},
		dps.StatusDisabled:   nil,
	} {
		body, err := json.Marshal(document.StateOf(registration.Record{
			RegistrationID: "dev-01", Status: status, Substatus: dps.SubstatusInitialAssignment, Hub: "hub-a", DeviceID: "dev-01",
			ErrorCode: 400208, ErrorMessage: "no", Payload: []byte(`{}`), ETag: "e", Created: moment, Updated: moment,
		}))
		if err != nil {
			t.Fatal(err)
		}
		got, want := members(t, body), slices.Concat(always, more)
		for _, name := range got {
			if !slices.Contains(vectors.All().StateMembers.Names, name) {
				t.Errorf("%s: no client knows a member %q", status, name)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: members %q, want %q", status, got, want)
		}
	}
}

func TestAStatesETagIsBase64OfTheQuotedOne(t *testing.T) {
	r := registration.Record{Status: dps.StatusAssigned, ETag: "0000e8c2-0000-0600-0000-618ed8610000"}
	if got := document.StateOf(r).ETag; got != "IjAwMDBlOGMyLTAwMDAtMDYwMC0wMDAwLTYxOGVkODYxMDAwMCI=" {
		t.Error(got)
	}
}
