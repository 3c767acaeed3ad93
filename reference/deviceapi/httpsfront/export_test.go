package httpsfront

import "net/http"

// ParseRoute shows what a path and a method say.
func ParseRoute(r *http.Request) (scope, registrationID, operationID, step string, err error) {
	to, err := parseRoute(r)
	return to.scope, to.registrationID, to.operationID, to.step, err
}

// OperationURL is where the answer to r sends its device to poll.
func OperationURL(r *http.Request, operationID string) (string, error) {
	to, err := parseRoute(r)
	return to.operationURL(operationID), err
}
