package svc

import (
	"context"
	"net/http"
	"strings"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// apiVersions are what shipping clients send (service-api.md 1.1).
var apiVersions = []string{"2018-04-01", "2019-03-31", "2021-10-01", "2025-07-01-preview", "2026-04-01"}

// pathChecks are about paths, versions and headers of requests.
var pathChecks = []harness.Check{{
	Requirement: "DPS-SVC-008",
	Title:       "the fixed segments of a path are matched in any letter case",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		group := pathOf(s.EnrollGroup(ctx, t, newGroup(t)))
		node := strings.Replace(group, "/enrollmentGroups", "/enrollmentgroups", 1)
		t.Expect(s.Post(ctx, t, node+"/attestationmechanism", nil).Status).To(Equal(http.StatusOK), "as Node writes it")
		t.Expect(s.Post(ctx, t, group+"/attestationMechanism", nil).Status).To(Equal(http.StatusOK), "attestationMechanism")
		path := pathOf(s.Enroll(ctx, t, newEnrollment(t)))
		t.Expect(s.Get(ctx, t, strings.Replace(path, "/enrollments", "/Enrollments", 1)).Status).To(Equal(http.StatusOK), "/Enrollments")
		answer := s.Post(ctx, t, "/ENROLLMENTS/QUERY", harness.Members{"query": "SELECT *"})
		t.Expect(answer.Status).To(Equal(http.StatusOK), "/ENROLLMENTS/QUERY")
	},
}, {
	Requirement: "DPS-SVC-009",
	Title:       "an id in the path is percent-decoded, and only once",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		id := t.Name() + ":b.c"
		s.Enroll(ctx, t, newEnrollment(t), harness.Members{"registrationId": id})
		encoded := strings.ReplaceAll(strings.ReplaceAll(id, ":", "%3A"), ".", "%2e")
		for how, path := range map[string]string{"raw": id, "encoded": encoded} {
			answer := s.Get(ctx, t, "/enrollments/"+path)
			t.Expect(answer.Status).To(Equal(http.StatusOK), how)
			t.Expect(object(t, answer)).To(HaveKeyWithValue("registrationId", id), how)
		}
		twice := s.Get(ctx, t, "/enrollments/"+strings.ReplaceAll(encoded, "%", "%25"))
		t.Expect(twice.Status).To(BeElementOf(http.StatusBadRequest, http.StatusNotFound), "encoded twice")
	},
}, {
	Requirement: "DPS-SVC-009",
	Title:       "the ids of groups and registrations are percent-decoded too, in every path that holds them",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		group := s.SymmetricKeyGroup(ctx, t, harness.Members{"enrollmentGroupId": t.Name() + ":g.1"})
		device := group.Device(t)
		device.Assigned(ctx, t)
		for how, encode := range map[string]func(string) string{
			"raw":               func(id string) string { return id },
			"encoded":           strings.NewReplacer(":", "%3A", ".", "%2E", "-", "%2D").Replace,
			"in lower-case hex": strings.NewReplacer(":", "%3a", ".", "%2e", "-", "%2d").Replace,
		} {
			id, registration := encode(group.ID), encode(device.RegistrationID)
			t.Expect(s.Get(ctx, t, "/enrollmentGroups/"+id).Status).To(Equal(http.StatusOK), "group, %s", how)
			mechanism := s.Post(ctx, t, "/enrollmentGroups/"+id+"/attestationmechanism", nil)
			t.Expect(mechanism.Status).To(Equal(http.StatusOK), "attestationmechanism, %s", how)
			t.Expect(s.Get(ctx, t, "/registrations/"+registration).Status).To(Equal(http.StatusOK), "registration, %s", how)
			states, err := s.Post(ctx, t, "/registrations/"+id+"/query", nil).List()
			t.Answered(err, "read the registrations")
			t.Expect(states).To(ConsistOf(HaveKeyWithValue("registrationId", device.RegistrationID)), how)
		}
	},
}, {
	Requirement: "DPS-SVC-010",
	Title:       "the api-versions that shipping clients send are accepted",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		// The oldest version knows no symmetric keys.
		device := s.X509Device(ctx, t)
		for _, version := range apiVersions {
			request := devwire.ServiceRequest{Method: http.MethodGet, Path: pathOf(device.Record), APIVersion: &version}
			t.Expect(s.Do(ctx, t, request).Status).To(Equal(http.StatusOK), "GET with "+version)
			request = devwire.ServiceRequest{
				Method: http.MethodPost, Path: "/enrollments/query", Body: harness.Members{"query": "SELECT *"}, APIVersion: &version,
			}
			t.Expect(s.Do(ctx, t, request).Status).To(Equal(http.StatusOK), "query with "+version)
		}
	},
}, {
	Requirement: "DPS-SVC-011",
	Title:       "a missing or unknown api-version is answered with 400",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		path := pathOf(s.Enroll(ctx, t, newEnrollment(t)))
		get := func(version string) int {
			return s.Do(ctx, t, devwire.ServiceRequest{Method: http.MethodGet, Path: path, APIVersion: &version}).Status
		}
		t.Given("a known api-version is accepted", func() { t.Expect(get("2021-10-01")).To(BeNumerically("<", 300)) })
		t.Expect(get("")).To(Equal(http.StatusBadRequest), "without api-version")
		t.Expect(get("2019-01-01")).To(Equal(http.StatusBadRequest), "2019-01-01")
	},
}, {
	Requirement: "DPS-SVC-056",
	Title:       "the headers that clients send besides are ignored",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		path := pathOf(s.Enroll(ctx, t, newEnrollment(t)))
		for _, h := range []http.Header{
			{"x-ms-client-request-id": {"7f1d2f8e-0000-11ef-8000-000000000000"}, "accept-language": {"en-US"}, "Cache-Control": {"no-cache, must-revalidate"}},
			{"Request-Id": {"1001"}, "charset": {"utf-8"}},
			{"Request-Id": {"c0ffee00-0000-4000-8000-000000000000"}, "Accept": {"application/json"}},
		} {
			get := devwire.ServiceRequest{Method: http.MethodGet, Path: path, Header: h}
			t.Expect(s.Do(ctx, t, get).Status).To(Equal(http.StatusOK), "GET with %v", h)
			post := devwire.ServiceRequest{Method: http.MethodPost, Path: "/enrollments/query", Header: h, Body: harness.Members{"query": "SELECT *"}}
			t.Expect(s.Do(ctx, t, post).Status).To(Equal(http.StatusOK), "query with %v", h)
		}
	},
}, {
	Requirement: "DPS-SVC-057",
	Title:       "the GET of a collection is answered with 404 or 405",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		if env.Control == nil && !env.Target.Foreign {
			t.Skip("needs control: a lab's own service may have its naive REST extension on")
		}
		s := env.Service(ctx, t)
		t.Given("a record of each collection is found", func() {
			t.Expect(s.Get(ctx, t, pathOf(s.Enroll(ctx, t, newEnrollment(t)))).Status).To(BeNumerically("<", 300))
			t.Expect(s.Get(ctx, t, pathOf(s.EnrollGroup(ctx, t, newGroup(t)))).Status).To(BeNumerically("<", 300))
		})
		for _, collection := range []string{"/enrollments", "/enrollmentGroups"} {
			t.Expect(s.Get(ctx, t, collection).Status).To(BeElementOf(http.StatusNotFound, http.StatusMethodNotAllowed), collection)
		}
	},
}, {
	Requirement: "DPS-SVC-044",
	Title:       "a method that a path does not know is answered with 405",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		path := pathOf(s.Enroll(ctx, t, newEnrollment(t)))
		t.Given("the path knows GET", func() { t.Expect(s.Get(ctx, t, path).Status).To(BeNumerically("<", 300)) })
		patch := devwire.ServiceRequest{Method: http.MethodPatch, Path: path, Body: harness.Members{"provisioningStatus": "disabled"}}
		t.Expect(s.Do(ctx, t, patch).Status).To(Equal(http.StatusMethodNotAllowed), "PATCH of an enrollment")
		state := devwire.RegistrationPath(t.Name())
		put := s.Put(ctx, t, state, harness.Members{"status": "assigned"})
		t.Expect(put.Status).To(Equal(http.StatusMethodNotAllowed), "PUT of a registration")
	},
}, {
	Requirement: "DPS-SVC-044",
	Title:       "PUT and DELETE without an id, and GET of an attestation mechanism, are answered with 405",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		record := s.Enroll(ctx, t, newEnrollment(t))
		t.Given("the same with an id, and by POST, are answered", func() {
			t.Expect(put(ctx, t, s, newEnrollment(t)).Status).To(BeNumerically("<", 300))
			t.Expect(s.Post(ctx, t, pathOf(record)+"/attestationmechanism", nil).Status).To(BeNumerically("<", 300))
		})
		for _, collection := range []string{"/enrollments", "/enrollments/", "/enrollmentGroups", "/enrollmentGroups/"} {
			t.Expect(s.Put(ctx, t, collection, newEnrollment(t)).Status).To(Equal(http.StatusMethodNotAllowed), "PUT %s", collection)
			t.Expect(s.Delete(ctx, t, collection).Status).To(Equal(http.StatusMethodNotAllowed), "DELETE %s", collection)
		}
		t.Expect(s.Get(ctx, t, pathOf(record)+"/attestationmechanism").Status).To(Equal(http.StatusMethodNotAllowed), "GET of a mechanism")
	},
}}
