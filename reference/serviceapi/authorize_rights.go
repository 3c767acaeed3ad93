package serviceapi

import "net/http"

// Rights are what a shared access policy allows (service-api.md 3.2).
type Rights uint8

// The rights that operations ask for. None implies another: who may write need not read.
const (
	EnrollmentRead Rights = 1 << iota
	EnrollmentWrite
	RegistrationStatusRead
	RegistrationStatusWrite
)

// AllRights are those of the policy that a new service has.
const AllRights = EnrollmentRead | EnrollmentWrite | RegistrationStatusRead | RegistrationStatusWrite

// asks is the right that an operation needs. Attestation mechanisms are secrets, so that
// they ask for the right to write (inferred).
func (r route) asks(method string) Rights {
	reads := r.shape == ofQuery || method == http.MethodGet
	switch {
	case r.collection == registrations && reads:
		return RegistrationStatusRead
	case r.collection == registrations:
		return RegistrationStatusWrite
	case reads:
		return EnrollmentRead
	}
	return EnrollmentWrite
}
