package storetest

import (
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/reference/enrollment"
)

func keepsEveryMember(t *testing.T, s enrollment.Store) {
	full := record("Pump-1", "one")
	full.DeviceID, full.IoTEdge, full.Disabled = "hub-pump-1", true, true
	full.Policy, full.Hubs, full.HubHostName = dps.PolicyCustom, []string{"hub-b", "hub-a"}, "hub-c"
	full.Webhook = &enrollment.Webhook{URL: "https://alloc.example/api?code=k", APIVersion: "2021-10-01"}
	full.Reprovision = &enrollment.Reprovision{UpdateHubAssignment: true}
	full.InitialTwin = &enrollment.Twin{Tags: []byte(`{"site":"north"}`), Desired: []byte(`{}`)}
	full.DeviceInformation, full.CredentialPolicy = []byte(`{"note":1}`), "policy"
	full.Updated = day.Add(time.Hour)
	bare := record("bare", "two") // nothing said is not the same as the defaults said

	tpm := record("tpm", "three")
	tpm.Attestation = enrollment.Attestation{Type: dps.AttestationTPM, TPM: enrollment.TPM{EndorsementKey: "EK", StorageRootKey: "SRK"}}
	leaf := record("leaf", "four")
	leaf.Attestation = x509Attestation(enrollment.ClientCertificates, nil, certificate(t, "leaf"))
	signing := group("signing", "five", x509Attestation(enrollment.SigningCertificates, certificate(t, "ca-1"), certificate(t, "ca-2")))
	references := group("references", "six", enrollment.Attestation{Type: dps.AttestationX509, X509: enrollment.X509{
		Form: enrollment.CAReferences, PrimaryReference: "first", SecondaryReference: "second",
	}})
	all := []enrollment.Enrollment{full, bare, tpm, leaf, signing, references}
	create(t, s, all...)
	for _, e := range all {
		holds(t, s, e.ID, e)
	}
}

func idsCompareWithoutCase(t *testing.T, s enrollment.Store) {
	first := record("Pump-A", "one")
	create(t, s, first)
	for _, id := range []string{"Pump-A", "pump-a", "PUMP-A"} {
		holds(t, s, id, first)
	}
	fails(t, "create in another case", s.Create(t.Context(), record("pump-a", "two")), enrollment.ErrExists)
	fails(t, "delete in another case", s.Delete(t.Context(), enrollment.Individual, "PUMP-A", "one"), nil)
	gone(t, s, enrollment.Individual, "Pump-A")
}

func kindsAreApart(t *testing.T, s enrollment.Store) {
	one, many := record("line-a", "one"), group("line-a", "two", record("", "").Attestation)
	create(t, s, one)
	gone(t, s, enrollment.Group, "line-a")
	create(t, s, many)
	holds(t, s, "line-a", one)
	holds(t, s, "line-a", many)
	fails(t, "delete the group", s.Delete(t.Context(), enrollment.Group, "line-a", ""), nil)
	holds(t, s, "line-a", one)
}

func createTakesNewIDs(t *testing.T, s enrollment.Store) {
	gone(t, s, enrollment.Individual, "a")
	first := record("a", "one")
	create(t, s, first)
	fails(t, "create again", s.Create(t.Context(), record("a", "two")), enrollment.ErrExists)
	holds(t, s, "a", first)
	fails(t, "delete", s.Delete(t.Context(), enrollment.Individual, "a", ""), nil)
	create(t, s, record("a", "three"))
}

func replaceComparesETags(t *testing.T, s enrollment.Store) {
	fails(t, "replace nothing", s.Replace(t.Context(), record("a", "one"), "none"), enrollment.ErrNotFound)
	gone(t, s, enrollment.Individual, "a")
	first, second := record("a", "one"), record("a", "two")
	create(t, s, first)
	for _, was := range []string{"", "other", "ONE"} {
		fails(t, "replace with etag "+was, s.Replace(t.Context(), second, was), enrollment.ErrChanged)
		holds(t, s, "a", first)
	}
	fails(t, "replace", s.Replace(t.Context(), second, "one"), nil)
	holds(t, s, "a", second)
	fails(t, "replace with the etag before", s.Replace(t.Context(), first, "one"), enrollment.ErrChanged)
}

func deleteComparesETags(t *testing.T, s enrollment.Store) {
	for _, was := range []string{"", "one"} {
		fails(t, "delete nothing", s.Delete(t.Context(), enrollment.Individual, "a", was), enrollment.ErrNotFound)
	}
	first := record("a", "one")
	create(t, s, first)
	fails(t, "delete with another etag", s.Delete(t.Context(), enrollment.Individual, "a", "other"), enrollment.ErrChanged)
	holds(t, s, "a", first)
	fails(t, "delete", s.Delete(t.Context(), enrollment.Individual, "a", "one"), nil)
	gone(t, s, enrollment.Individual, "a")
	create(t, s, first)
	fails(t, "delete whatever is there", s.Delete(t.Context(), enrollment.Individual, "a", ""), nil)
	gone(t, s, enrollment.Individual, "a")
}
