package deviceapi_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/vectors"
	"github.com/dpslab/dpslab/reference/deviceapi"
	"github.com/dpslab/dpslab/reference/registration"
)

const (
	five = "5.00112233aabbccdd.7d1f0c1e-1111-4222-8333-444455556666"
	four = "4.00112233aabbccdd.7d1f0c1e-1111-4222-8333-444455556666"
)

var (
	created = time.Date(2030, 1, 1, 0, 0, 0, 123456700, time.UTC)
	updated = time.Date(2030, 1, 1, 0, 0, 1, 765432100, time.UTC)
)

func operation(id string, change func(*registration.Record)) registration.Operation {
	op := registration.Operation{ID: id, RegistrationID: "dev-01", Record: registration.Record{
		RegistrationID: "dev-01", GroupID: "line-a", Attestation: dps.AttestationSymmetricKey, Status: dps.StatusAssigned,
		Substatus: dps.SubstatusInitialAssignment, Hub: "hub-a.azure-devices.net", DeviceID: "dev-01",
		ETag: "00000000-0000-0000-0000-000000000000", Created: created, Updated: updated,
	}}
	change(&op.Record)
	return op
}

func decoded(t *testing.T, body []byte) map[string]any {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(body, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// The answers of the dossier, letter by letter but for the order of members.
func TestOperationsAreTheDossiersAnswers(t *testing.T) {
	written := map[string]registration.Operation{
		"device-api.md 1.5, register": operation(five, func(r *registration.Record) { r.Status = dps.StatusAssigning }),
		"device-api.md 1.5, assigned": operation(five, func(r *registration.Record) {
			r.Payload = []byte(`{"any":"object returned by the custom allocation webhook"}`)
		}),
		"device-api.md 1.5, failed: a success code": operation(four, func(r *registration.Record) {
			r.Status, r.ErrorCode, r.ErrorMessage = dps.StatusFailed, 400207, "Custom allocation failed with status code: 400"
		}),
		"device-api.md 1.5, disabled: a success code": operation(five, func(r *registration.Record) { r.Status = dps.StatusDisabled }),
	}
	for _, v := range vectors.All().Answers {
		op, ok := written[v.Source]
		if !ok {
			continue // a form that the service may send and this one does not
		}
		delete(written, v.Source)
		body, err := deviceapi.EncodeOperation(op, version)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(decoded(t, body), decoded(t, v.Body)) {
			t.Errorf("%s:\n got %s\nwant %s", v.Source, body, v.Body)
		}
	}
	for source := range written {
		t.Errorf("the vectors have no %q", source)
	}
}

// One word on how the device proved itself, and only when it was assigned.
func TestTheStateNamesTheAttestation(t *testing.T) {
	for _, c := range []struct {
		rule   string
		change func(*registration.Record)
		want   string // the member, as JSON; empty: neither
	}{
		{"a key of a group", func(r *registration.Record) {}, `"symmetricKey":{"enrollmentGroupId":"line-a"}`},
		{"a key of its own", func(r *registration.Record) { r.GroupID = "" }, ""},
		{"a certificate of a group", func(r *registration.Record) { r.Attestation = dps.AttestationX509 }, `"x509":{"enrollmentGroupId":"line-a"}`},
		{"a certificate of its own", func(r *registration.Record) { r.Attestation, r.GroupID = dps.AttestationX509, "" }, `"x509":{}`},
		{"a certificate, but it failed", func(r *registration.Record) { r.Attestation, r.Status = dps.AttestationX509, dps.StatusFailed }, ""},
	} {
		body, err := deviceapi.EncodeRecord(operation(five, c.change).Record)
		if err != nil {
			t.Fatal(err)
		}
		got := decoded(t, body)
		want := decoded(t, []byte("{"+c.want+"}"))
		for _, member := range []string{"symmetricKey", "x509"} {
			if !reflect.DeepEqual(got[member], want[member]) {
				t.Errorf("%s: %s is %v", c.rule, member, got[member])
			}
		}
	}
}

func TestALookupIsTheBareState(t *testing.T) {
	body, err := deviceapi.EncodeRecord(operation(five, func(*registration.Record) {}).Record)
	if err != nil {
		t.Fatal(err)
	}
	for name := range decoded(t, body) {
		if !slices.Contains(vectors.All().StateMembers.Names, name) {
			t.Errorf("no client knows a member %q of a state", name)
		}
	}
}
