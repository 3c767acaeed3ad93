package strict

import (
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
)

// Edge is the client of iot-identity-service: HTTPS alone, a first poll right behind the
// register request, and answers that have to be declared as JSON.
var Edge = SDK{
	Name:       "iot-identity-service",
	Transports: []dps.Transport{dps.HTTPS},
	session:    served("DPS-HTTPS-056", "", ""),
	apiVersion: "2018-11-01",
	statuses:   words{known: []string{"assigning", "assigned", "failed", "disabled"}},
	token: spelling{
		resource: func(scope, id string) string { return upperHex(plain(scope, id)) },
		order:    []string{"sr", "sig", "se", "skn"}, policy: &registrationPolicy, life: time.Hour,
	},
	https: httpsScript{
		register: func(s SDK, d Device) httpRequest {
			body := registration(d)
			return edgeRequest(s, d, http.MethodPut, "/register", body,
				[2]string{"content-type", "application/json"}, [2]string{"content-length", strconv.Itoa(len(body))})
		},
		poll: func(s SDK, d Device, operationID string) httpRequest {
			return edgeRequest(s, d, http.MethodGet, "/operations/"+operationID, nil)
		},
	},
	hasty: true,
	rules: []Rule{
		{
			Words: "the Content-Type of an answer is application/json", // device-api.md 0.1 item 17
			HTTPS: "DPS-HTTPS-010",
			wrong: func(a Answer) string {
				if media, _, err := mime.ParseMediaType(a.Header.Get("Content-Type")); err != nil || media != "application/json" {
					return fmt.Sprintf("the Content-Type is %q", a.Header.Get("Content-Type"))
				}
				return ""
			},
		},
		{
			Words: "an error has a message",
			HTTPS: "DPS-HTTPS-027",
			wrong: func(a Answer) string {
				if doc := a.document(); a.refuses() && doc.text("message") == "" && doc.text("Message") == "" {
					return fmt.Sprintf("the error of code %d has no message", a.Code)
				}
				return ""
			},
		},
		namesOperation,
	},
}

func edgeRequest(s SDK, d Device, method, operation string, body []byte, more ...[2]string) httpRequest {
	return httpRequest{
		method: method, target: "/" + plain(d.Identity.Scope, d.Identity.RegistrationID) + operation + "?api-version=" + s.apiVersion,
		header: append([][2]string{{"host", d.Endpoint.Host}, {"authorization", s.Token(d)}}, more...),
		body:   body,
	}
}
