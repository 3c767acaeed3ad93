package qry

import (
	"context"
	"fmt"
	"net/http"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// textChecks are about the ways in which clients write the same query.
var textChecks = []harness.Check{{
	Requirement: "DPS-QRY-009",
	Title:       "SELECT * FROM, SELECT * and a lone * ask for everything",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		ids := enroll(ctx, t, s, 2)
		group := enrollGroup(ctx, t, s)
		for _, text := range []string{"SELECT * FROM enrollments", "SELECT *", "*"} {
			t.Expect(selected(ctx, t, s, enrollments, text)).To(ContainElements(ids...), text)
		}
		for _, text := range []string{"SELECT * FROM enrollmentGroups", "SELECT *", "*"} {
			t.Expect(selected(ctx, t, s, groups, text)).To(ContainElement(group), text)
		}
	},
}, {
	Requirement: "DPS-QRY-009",
	Title:       "SELECT * and a lone * ask for all registrations of a group",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		group := s.SymmetricKeyGroup(ctx, t)
		device := group.Device(t)
		device.Assigned(ctx, t)
		for _, text := range []string{"SELECT * FROM deviceRegistrations", "SELECT *", "*"} {
			t.Expect(selected(ctx, t, s, devwire.RegistrationPath(group.ID), text)).To(ConsistOf(device.RegistrationID), text)
		}
	},
}, {
	Requirement: "DPS-QRY-010",
	Title:       "keywords are read in any letter case",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		ids := enroll(ctx, t, s, 2)
		for _, text := range []string{"select * from enrollments", "SeLeCt * FrOm enrollments", "select *"} {
			t.Expect(selected(ctx, t, s, enrollments, text)).To(ContainElements(ids...), text)
		}
	},
}, {
	Requirement: "DPS-QRY-011",
	Title:       "strings are read in single quotes, double quotes and back-ticks",
	Needs:       []harness.Need{harness.NeedHub},
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		host := s.Hubs[0].Host
		// Java's builder asks for this member.
		of := s.Enroll(ctx, t, keys(), harness.Members{"iotHubHostName": host})["registrationId"]
		other := enroll(ctx, t, s, 1)[0]
		for _, quote := range []string{"'", `"`, "`"} {
			text := fmt.Sprintf("select * from enrollments where iotHubHostName=%s%s%s", quote, host, quote)
			t.Expect(selected(ctx, t, s, enrollments, text)).To(And(ContainElement(of), Not(ContainElement(other))), text)
		}
	},
}, {
	Requirement: "DPS-QRY-012",
	Title:       "the path chooses the collection, whatever FROM says",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		enrollment, group := enroll(ctx, t, s, 1)[0], enrollGroup(ctx, t, s)
		for _, from := range []string{"enrollmentGroups", "enrollments", "devices"} {
			text := "SELECT * FROM " + from
			t.Expect(selected(ctx, t, s, enrollments, text)).To(ContainElement(enrollment), text)
			t.Expect(selected(ctx, t, s, groups, text)).To(ContainElement(group), text)
		}
	},
}, {
	Requirement: "DPS-QRY-012",
	Title:       "the query of registrations takes FROM enrollments",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		group := s.SymmetricKeyGroup(ctx, t)
		device := group.Device(t)
		device.Assigned(ctx, t)
		// As in the doc comments of the C# client.
		ids := selected(ctx, t, s, devwire.RegistrationPath(group.ID), "SELECT * FROM enrollments")
		t.Expect(ids).To(ConsistOf(device.RegistrationID))
	},
}, {
	Requirement: "DPS-QRY-022",
	Title:       "a query that names members is answered with those alone, as items of the type Unknown",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		id := enroll(ctx, t, s, 1)[0]
		text := fmt.Sprintf("SELECT registrationId, capabilities.iotEdge FROM enrollments WHERE registrationId = '%s'", id)
		page := ask(ctx, t, s, question{collection: enrollments, text: text})
		t.Expect(page.Status).To(Equal(http.StatusOK))
		t.Expect(itemsOf(t, page)).To(ConsistOf(Equal(harness.Members{"registrationId": id, "iotEdge": false})))
		t.Expect(page.Header.Values("x-ms-item-type")).To(Equal([]string{"Unknown"}))
	},
}}
