// Package serviceapi is the REST side of a hub that service clients use, the
// provisioning service among them (iot-hub.md 4).
//
// What a request goes through:
//
//  1. Its path names the resource: /devices, /devices/{id}, /devices/query, /twins/{id},
//     /twins/{id}/methods, /statistics/devices, /statistics/service. Ids are
//     percent-encoded; a trailing slash counts for nothing.
//  2. Authorization holds a shared access signature of the policy iothubowner, by its
//     primary or secondary key, whose sr is the host or a path above the resource. Any
//     other is 401 IotHubUnauthorizedAccess.
//  3. api-version is any date; without one the answer is 400 InvalidProtocolVersion.
//  4. If-Match makes a PUT on an identity an update; without it a PUT creates, and an id
//     that exists is 409. "*" in any spelling holds for whatever is there.
//  5. The body is read whole, up to a limit. Members that nobody knows are ignored.
//  6. The registry does it, wholly or not at all. POST /devices writes identities and
//     twins in bulk: an item with tags and properties makes both in one step.
//  7. A refusal is {"Message":"ErrorCode:X;text","ExceptionMessage":"Tracking ID:…"} with
//     the header iothub-errorcode: X. Every answer has Content-Type
//     application/json; charset=utf-8 (Node reads JSON only then) and x-ms-request-id.
package serviceapi
