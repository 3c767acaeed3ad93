package serviceapi_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/problem"
	"github.com/dpslab/dpslab/reference/serviceapi"
)

// decodeAndCheck is what a PUT does with a document before it is stored.
func decodeAndCheck(body []byte, kind enrollment.Kind, id string, before *enrollment.Enrollment) (enrollment.Enrollment, error) {
	e, err := serviceapi.Decode(body, kind, id, before)
	if err != nil {
		return e, err
	}
	return e, e.Validate(func(string) bool { return true })
}

func encode(e enrollment.Enrollment) ([]byte, error) { return serviceapi.Encode(e) }

func isRefusal(err error) bool { return errors.As(err, new(*problem.Error)) }

// FuzzDecode: a document is refused as the service refuses, or is a record that may be
// stored, which says the same when it is read back.
func FuzzDecode(f *testing.F) {
	for _, body := range []string{
		`{"registrationId":"dev-01","attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"` + text + `","secondaryKey":"` + text + `"}}}`,
		`{"enrollmentGroupId":"dev-01","attestation":{"type":"tpm","tpm":{"endorsementKey":"a"}},"initialTwin":{"tags":null}}`,
		`{"registrationId":"DEV-01","attestation":{"type":"x509","x509":{"caReferences":{"primary":"a"}}},"iotHubs":["hub-a"],"reprovisionPolicy":{}}`,
		`{"registrationId":"dev-01","attestation":{"type":"x509","x509":{"clientCertificates":{"primary":{"certificate":"LS0t"}}}}}`,
		`{"allocationPolicy":"custom","customAllocationDefinition":{}}`, `{"registrationId":"a b"}`, `null`, `[]`, ``,
	} {
		f.Add([]byte(body), "dev-01", false)
		f.Add([]byte(body), "a b", true)
	}
	f.Fuzz(func(t *testing.T, body []byte, id string, group bool) {
		kind := enrollment.Individual
		if group {
			kind = enrollment.Group
		}
		e, err := decodeAndCheck(body, kind, id, nil)
		if err != nil {
			if !isRefusal(err) {
				t.Errorf("%q: %v", body, err)
			}
			return
		}
		if !enrollment.ValidID(e.ID) || e.ID != id || e.Kind != kind {
			t.Errorf("%q is taken for %s %q", body, e.Kind, e.ID)
		}
		written, err := encode(e)
		if err != nil {
			t.Fatalf("%q cannot be written: %v", body, err)
		}
		var doc any
		if err := json.Unmarshal(written, &doc); err != nil || hasNull(withoutOperatorsOwn(doc)) {
			t.Errorf("%q is shown as %s, %v", body, written, err)
		}
		again, err := decodeAndCheck(written, kind, id, &e)
		if err != nil {
			t.Errorf("%q, shown as %s, is refused when it is written back: %v", body, written, err)
			return
		}
		second, err := encode(again)
		if err != nil || string(second) != string(written) {
			t.Errorf("%s becomes %s, %v", written, second, err)
		}
	})
}

// withoutOperatorsOwn leaves out what an operator may fill with any JSON.
func withoutOperatorsOwn(doc any) any {
	if d, ok := doc.(map[string]any); ok {
		delete(d, "initialTwin")
		delete(d, "optionalDeviceInformation")
	}
	return doc
}
