// Package serviceapi is the API by which operators and their tools manage a provisioning
// service (service-api.md 1).
//
//  1. Every request carries api-version and Authorization: SharedAccessSignature sr={host}…,
//     signed with a key of the shared access policy that skn names.
//  2. PUT, GET and DELETE /enrollments/{registrationId} and /enrollmentGroups/{id}. PUT
//     without If-Match creates, with If-Match replaces; the answer is 200 either way.
//  3. POST …/{id}/attestationmechanism is the only later sight of symmetric keys.
//  4. POST /enrollments/query, /enrollmentGroups/query and /registrations/{groupId}/query
//     answer a bare array, its kind in x-ms-item-type and the rest of it behind
//     x-ms-continuation.
//  5. POST /enrollments and /enrollmentGroups create, update or delete up to ten records;
//     the answer is 200 with a list of the items that could not be applied.
//  6. GET and DELETE /registrations/{id} show and forget what became of a device.
//
// Paths compare without regard to case and may end in a slash. Beside the true API stand
// GET /enrollments (a list) and POST /enrollments with one enrollment in place of a bulk
// operation (create only), which no SDK sends; Options.NaiveREST turns them off (service-api.md 8).
package serviceapi
