package serviceapi_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/reference/enrollment"
)

// hasNull reports whether a document has a null anywhere.
func hasNull(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case map[string]any:
		for _, member := range v {
			if hasNull(member) {
				return true
			}
		}
	case []any:
		for _, item := range v {
			if hasNull(item) {
				return true
			}
		}
	}
	return false
}

// What is written is read again, and what the operator left unsaid stays unsaid.
func TestWhatIsWrittenIsRead(t *testing.T) {
	const id, group = `"registrationId":"dev-01"`, `"enrollmentGroupId":"line-a"`
	const keys = `"attestation":{"type":"symmetricKey"}`
	const defaults = `"capabilities":{"iotEdge":false},"provisioningStatus":"enabled"`
	for _, c := range []struct{ rule, path, written, read string }{
		{"the least", "/enrollments/dev-01", `{` + id + `,` + keys + `}`, `{` + id + `,` + keys + `,` + defaults + `}`},
		{"the least of a group", "/enrollmentGroups/line-a", `{` + group + `,` + keys + `}`, `{` + group + `,` + keys + `,` + defaults + `}`},
		{"everything", "/enrollments/dev-01", `{` + id + `,` + keys + `,"deviceId":"pump-1","optionalDeviceInformation":{"note":[1]},
			"capabilities":{"iotEdge":true},"iotHubHostName":"hub-x","initialTwin":{"tags":{"site":"north"},"properties":{"desired":{"rate":5}}},
			"provisioningStatus":"disabled","reprovisionPolicy":{"updateHubAssignment":true,"migrateDeviceData":false},
			"allocationPolicy":"custom","iotHubs":["hub-a"],"customAllocationDefinition":{"webhookUrl":"https://x/?k=v","apiVersion":"2021-10-01"},
			"credentialPolicyName":"p"}`, `{` + id + `,` + keys + `,"deviceId":"pump-1","optionalDeviceInformation":{"note":[1]},
			"capabilities":{"iotEdge":true},"iotHubHostName":"hub-x","initialTwin":{"tags":{"site":"north"},"properties":{"desired":{"rate":5}}},
			"provisioningStatus":"disabled","reprovisionPolicy":{"updateHubAssignment":true,"migrateDeviceData":false},
			"allocationPolicy":"custom","iotHubs":["hub-a"],"customAllocationDefinition":{"webhookUrl":"https://x/?k=v","apiVersion":"2021-10-01"},
			"credentialPolicyName":"p"}`},
		{"members that are null are members left out", "/enrollments/dev-01", `{` + id + `,` + keys + `,"deviceId":null,"optionalDeviceInformation":null,
			"capabilities":null,"iotHubHostName":null,"initialTwin":null,"provisioningStatus":null,"reprovisionPolicy":null,"allocationPolicy":null,
			"iotHubs":null,"customAllocationDefinition":null,"credentialPolicyName":null,"registrationState":null,"etag":null}`,
			`{` + id + `,` + keys + `,` + defaults + `}`},
		{"members of the initial twin that are null", "/enrollments/dev-01", `{` + id + `,` + keys + `,"initialTwin":{"tags":null,"properties":{"desired":null}}}`,
			`{` + id + `,` + keys + `,` + defaults + `,"initialTwin":{}}`},
		{"an initial twin of empty objects", "/enrollments/dev-01", `{` + id + `,` + keys + `,"initialTwin":{"tags":{},"properties":{"desired":{}}}}`,
			`{` + id + `,` + keys + `,` + defaults + `,"initialTwin":{"tags":{},"properties":{"desired":{}}}}`},
		{"an initial twin of tags alone", "/enrollmentGroups/line-a", `{` + group + `,` + keys + `,"initialTwin":{"tags":{"a":1}}}`,
			`{` + group + `,` + keys + `,` + defaults + `,"initialTwin":{"tags":{"a":1}}}`},
		{"a reprovision policy that says half", "/enrollments/dev-01", `{` + id + `,` + keys + `,"reprovisionPolicy":{"migrateDeviceData":false}}`,
			`{` + id + `,` + keys + `,` + defaults + `,"reprovisionPolicy":{"updateHubAssignment":true,"migrateDeviceData":false}}`},
		{"read-only and unknown members", "/enrollments/dev-01", `{` + id + `,` + keys + `,"etag":"\"x\"","createdDateTimeUtc":"0001-01-01T00:00:00",
			"registrationState":{"status":"assigned","registrationId":"x"},"colour":"red"}`, `{` + id + `,` + keys + `,` + defaults + `}`},
		{"a group has none of a device's members", "/enrollmentGroups/line-a", `{` + group + `,` + keys + `,"deviceId":"x","registrationId":"x","optionalDeviceInformation":{}}`,
			`{` + group + `,` + keys + `,` + defaults + `}`},
		{"a TPM", "/enrollments/dev-01", `{` + id + `,"attestation":{"type":"tpm","tpm":{"endorsementKey":"EK","storageRootKey":"SRK"}}}`,
			`{` + id + `,"attestation":{"type":"tpm","tpm":{"endorsementKey":"EK","storageRootKey":"SRK"}},` + defaults + `}`},
		{"names of CA certificates", "/enrollmentGroups/line-a", `{` + group + `,"attestation":{"type":"x509","x509":{"caReferences":{"primary":"one"}}}}`,
			`{` + group + `,"attestation":{"type":"x509","x509":{"caReferences":{"primary":"one"}}},` + defaults + `}`},
	} {
		t.Run(c.rule, func(t *testing.T) {
			l := open(t)
			put := l.must(200, "PUT", c.path+version, c.written)
			get := l.must(200, "GET", c.path+version, "")
			for what, doc := range map[string]map[string]any{"PUT": put, "GET": get} {
				if doc["etag"] == nil || doc["createdDateTimeUtc"] == nil || doc["lastUpdatedDateTimeUtc"] == nil || hasNull(doc) {
					t.Errorf("%s answers %v", what, doc)
				}
			}
			for _, name := range []string{"etag", "createdDateTimeUtc", "lastUpdatedDateTimeUtc"} {
				if put[name] != get[name] {
					t.Errorf("%s: %v after the PUT, %v in the GET", name, put[name], get[name])
				}
				delete(get, name)
			}
			if want := members(t, c.read); !reflect.DeepEqual(get, want) {
				t.Errorf("read\n%v, want\n%v", get, want)
			}
		})
	}
}

// Every document that is no record is refused, and nothing of it is stored.
func TestWhatIsRefusedIsNotStored(t *testing.T) {
	const keys = `"attestation":{"type":"symmetricKey"}`
	record := func(more string) string { return `{"registrationId":"dev-01",` + keys + `,` + more + `}` }
	attested := func(attestation string) string {
		return `{"registrationId":"dev-01","attestation":` + attestation + `}`
	}
	l := open(t)
	for _, c := range []struct {
		rule, path, body string
		header           []string
		code             int
	}{
		{"nothing", "/enrollments/dev-01", ``, nil, 400004},
		{"no JSON", "/enrollments/dev-01", `{`, nil, 400004},
		{"a list", "/enrollments/dev-01", `[]`, nil, 400004},
		{"two documents", "/enrollments/dev-01", record(`"deviceId":"a"`) + `{}`, nil, 400004},
		{"another id", "/enrollments/dev-02", record(`"deviceId":"a"`), nil, 400004},
		{"no id", "/enrollments/dev-01", `{` + keys + `}`, nil, 400004},
		{"an id of another kind", "/enrollmentGroups/dev-01", record(`"deviceId":"a"`), nil, 400004},
		{"an id that is none", "/enrollments/a%20b", `{"registrationId":"a b",` + keys + `}`, nil, 400004},
		{"a member of another type", "/enrollments/dev-01", record(`"capabilities":{"iotEdge":"yes"}`), nil, 400004},
		{"a number for a text", "/enrollments/dev-01", record(`"deviceId":7`), nil, 400004},
		{"another status", "/enrollments/dev-01", record(`"provisioningStatus":"Enabled"`), nil, 400004},
		{"another policy", "/enrollments/dev-01", record(`"allocationPolicy":"Hashed"`), nil, 400004},
		{"custom without a webhook", "/enrollments/dev-01", record(`"allocationPolicy":"custom"`), nil, 400004},
		{"static with two hubs", "/enrollments/dev-01", record(`"allocationPolicy":"static","iotHubs":["hub-a","hub-a"]`), nil, 400004},
		{"a hub that is not linked", "/enrollments/dev-01", record(`"iotHubs":["hub-x"]`), nil, 400004},
		{"a hub without a name", "/enrollments/dev-01", record(`"iotHubs":[null]`), nil, 400004},
		{"tags that are a list", "/enrollments/dev-01", record(`"initialTwin":{"tags":[]}`), nil, 400004},
		{"desired properties that are a text", "/enrollments/dev-01", record(`"initialTwin":{"properties":{"desired":"x"}}`), nil, 400004},
		{"device information that is a number", "/enrollments/dev-01", record(`"optionalDeviceInformation":7`), nil, 400004},

		{"no attestation", "/enrollments/dev-01", `{"registrationId":"dev-01"}`, nil, 400004},
		{"attestation that is null", "/enrollments/dev-01", attested(`null`), nil, 400004},
		{"no type", "/enrollments/dev-01", attested(`{}`), nil, 400004},
		{"the type none", "/enrollments/dev-01", attested(`{"type":"none"}`), nil, 400004},
		{"a type in another case", "/enrollments/dev-01", attested(`{"type":"X509"}`), nil, 400004},
		{"a key that is not base64", "/enrollments/dev-01", attested(`{"type":"symmetricKey","symmetricKey":{"primaryKey":"!` + text + `"}}`), nil, 400004},
		{"a key of 15 bytes", "/enrollments/dev-01", attested(`{"type":"symmetricKey","symmetricKey":{"primaryKey":"` + text[:20] + `"}}`), nil, 400004},
		{"a key of blanks", "/enrollments/dev-01", attested(`{"type":"symmetricKey","symmetricKey":{"primaryKey":"\n"}}`), nil, 400004},
		{"a TPM without a member", "/enrollments/dev-01", attested(`{"type":"tpm"}`), nil, 400004},
		{"a TPM without a key", "/enrollments/dev-01", attested(`{"type":"tpm","tpm":{"endorsementKey":""}}`), nil, 400004},
		{"a TPM for a group", "/enrollmentGroups/line-a", `{"enrollmentGroupId":"line-a","attestation":{"type":"tpm","tpm":{"endorsementKey":"EK"}}}`, nil, 400004},
		{"x509 without a member", "/enrollments/dev-01", attested(`{"type":"x509"}`), nil, 400004},
		{"x509 of no form", "/enrollments/dev-01", attested(`{"type":"x509","x509":{}}`), nil, 400004},
		{"x509 of two forms", "/enrollments/dev-01", attested(`{"type":"x509","x509":{"clientCertificates":{},"caReferences":{"primary":"a"}}}`), nil, 400004},
		{"no certificate", "/enrollments/dev-01", attested(`{"type":"x509","x509":{"clientCertificates":{}}}`), nil, 400004},
		{"an empty certificate", "/enrollments/dev-01", attested(`{"type":"x509","x509":{"clientCertificates":{"primary":{"certificate":""}}}}`), nil, 400004},
		{"a certificate that is none", "/enrollments/dev-01", attested(`{"type":"x509","x509":{"clientCertificates":{"primary":{"certificate":"MIIB"}}}}`), nil, 400004},
		{"a thumbprint that nobody stored", "/enrollments/dev-01",
			attested(`{"type":"x509","x509":{"clientCertificates":{"primary":{"info":{"sha256Thumbprint":"AA"}}}}}`), nil, 400004},
		{"references to nothing", "/enrollments/dev-01", attested(`{"type":"x509","x509":{"caReferences":{}}}`), nil, 400004},

		{"another media type", "/enrollments/dev-01", record(`"deviceId":"a"`), []string{"Content-Type", "text/plain"}, 415000},
		{"no media type", "/enrollments/dev-01", record(`"deviceId":"a"`), []string{"Content-Type", ""}, 415000},
		{"too much", "/enrollments/dev-01", record(`"deviceId":"` + strings.Repeat("x", 1<<20) + `"`), nil, 413000},
		{"an If-Match that is none", "/enrollments/dev-01", record(`"deviceId":"a"`), []string{"If-Match", `"a"b"`}, 400004},
		{"an If-Match of what is not there", "/enrollments/dev-01", record(`"deviceId":"a"`), []string{"If-Match", "*"}, 412201},
	} {
		t.Run(c.rule, func(t *testing.T) {
			l.do("PUT", c.path+version, c.body, c.header...).refused(t, "PUT", c.code)
			if one, many := l.stored(enrollment.Individual), l.stored(enrollment.Group); one+many != 0 {
				t.Errorf("%d enrollments and %d groups are stored", one, many)
			}
		})
	}
}

// A record that is there stays as it was when a write over it is refused.
func TestARefusedWriteChangesNothing(t *testing.T) {
	l := open(t)
	l.must(200, "PUT", "/enrollments/dev-01"+version, `{"registrationId":"dev-01","attestation":{"type":"symmetricKey"},"deviceId":"first"}`)
	before := l.do("GET", "/enrollments/dev-01"+version, "").body
	for what, c := range map[string]struct {
		body   string
		header []string
		code   int
	}{
		"create over it":      {`{"registrationId":"dev-01","attestation":{"type":"symmetricKey"},"deviceId":"second"}`, nil, 409201},
		"an outdated etag":    {`{"registrationId":"dev-01","attestation":{"type":"symmetricKey"},"deviceId":"second"}`, []string{"If-Match", `"x"`}, 412201},
		"a bad document":      {`{"registrationId":"dev-01","deviceId":"second"}`, []string{"If-Match", "*"}, 400004},
		"a document in parts": {`{"registrationId":"dev-01","attestation":{"type":"symmetricKey"},"deviceId":"second"`, []string{"If-Match", "*"}, 400004},
	} {
		l.do("PUT", "/enrollments/dev-01"+version, c.body, c.header...).refused(t, what, c.code)
		if after := l.do("GET", "/enrollments/dev-01"+version, "").body; after != before {
			t.Errorf("%s left %s, was %s", what, after, before)
		}
	}
}
