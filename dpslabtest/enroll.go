package dpslabtest

import (
	"context"
	"fmt"
	"net/http"

	"github.com/dpslab/dpslab/internal/devwire"
)

// Enroll lets one device in, by a symmetric key that the service makes, and returns that
// key in base64. It fails the test where the lab belongs to one, and panics elsewhere.
func (l *Lab) Enroll(registrationID string) (key string) {
	return l.enroll(devwire.EnrollmentPath(registrationID), "registrationId", registrationID)
}

// EnrollGroup lets in all devices with a key derived from the group's, which it returns in
// base64. It fails as Enroll does.
func (l *Lab) EnrollGroup(groupID string) (key string) {
	return l.enroll(devwire.GroupPath(groupID), "enrollmentGroupId", groupID)
}

func (l *Lab) enroll(path, member, id string) string {
	if l.tb != nil {
		l.tb.Helper()
	}
	key, err := l.putEnrollment(path, member, id)
	switch {
	case err == nil:
	case l.tb == nil:
		panic(fmt.Sprintf("dpslabtest: enroll %q: %v", id, err))
	default:
		l.tb.Fatalf("dpslabtest: enroll %q: %v", id, err)
	}
	return key
}

func (l *Lab) putEnrollment(path, member, id string) (string, error) {
	wire := &devwire.Wire{Roots: l.Roots}
	at := devwire.Endpoint{Host: l.ServiceHost, Address: l.Address, HTTPSPort: l.HTTPSPort}
	operator, err := wire.Service(at, l.ServiceConnectionString)
	if err != nil {
		return "", err
	}
	defer operator.Close()
	answer, err := operator.Do(context.Background(), devwire.ServiceRequest{Method: http.MethodPut, Path: path, Body: map[string]any{
		member: id, "attestation": map[string]any{"type": "symmetricKey"},
	}})
	if err != nil {
		return "", err
	}
	if answer.Status >= 300 {
		return "", fmt.Errorf("the service answered %d: %s", answer.Status, message(answer))
	}
	keys, err := operator.AttestationMechanism(context.Background(), path)
	if err != nil {
		return "", err
	}
	document, err := keys.JSON()
	if err != nil {
		return "", err
	}
	symmetric, _ := document["symmetricKey"].(map[string]any)
	primary, _ := symmetric["primaryKey"].(string)
	if primary == "" {
		return "", fmt.Errorf("the service answered %d and no key", keys.Status)
	}
	return primary, nil
}

// message is what a refusal says.
func message(r devwire.HTTPResponse) string {
	if e := r.Error(); e != nil {
		return e.Message
	}
	return "without a reason"
}
