package mqttfront

// ParseUsername shows what a user name says.
func ParseUsername(s string) (scope, registrationID, apiVersion string, err error) {
	u, err := parseUsername(s)
	return u.scope, u.registrationID, u.apiVersion, err
}

// ParseTopic shows what a PUBLISH topic asks.
func ParseTopic(s string) (step, rid, operationID string, err error) {
	r, err := parseTopic(s)
	return r.step, r.rid, r.operationID, err
}

var ResponseTopic = responseTopic

const ResponseFilter = responseFilter
