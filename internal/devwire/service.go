package devwire

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// DefaultServiceAPIVersion is what a ServiceClient asks for by itself.
const DefaultServiceAPIVersion = "2021-10-01"

// serviceConnections is how many connections a client of a service API may hold: a direct
// method waits for its device, and must not hold up the rest.
const serviceConnections = 8

// policyClient signs requests with a policy's key: the part that the service API of a
// provisioning service and that of a hub have in common.
type policyClient struct {
	wire       *Wire
	http       *HTTPClient
	host       string // as the connection string spells it
	policy     string
	key        []byte
	apiVersion string
}

// ServiceRequest is one request to a service API.
type ServiceRequest struct {
	Method, Path string     // Path is sent as it stands
	Query        url.Values // besides api-version
	Header       http.Header
	Body         any     // nil: none; []byte goes verbatim; all else as JSON
	APIVersion   *string // nil: the client's; a pointer to "" leaves it out
	Token        *string // nil: minted; a pointer to "" sends no Authorization
}

func (w *Wire) policyClient(ep Endpoint, connectionString, apiVersion string, kind OperationKind) (*policyClient, error) {
	c := &policyClient{wire: w, http: w.HTTP(ep, DialOptions{}), apiVersion: apiVersion}
	c.http.transport.MaxConnsPerHost = serviceConnections
	c.http.operation = func(r HTTPRequest) (Operation, bool) {
		path, _, _ := strings.Cut(r.Path, "?")
		return Operation{Kind: kind, Host: ep.Host, Method: r.Method, Path: path}, true
	}
	var err error
	c.host, c.policy, c.key, err = parseConnectionString(connectionString)
	return c, err
}

// parseConnectionString reads HostName=…;SharedAccessKeyName=…;SharedAccessKey=…, in any
// order. Errors name the field and never quote the string.
func parseConnectionString(s string) (host, policy string, key []byte, err error) {
	for field := range strings.SplitSeq(s, ";") {
		name, value, _ := strings.Cut(field, "=")
		switch name {
		case "HostName":
			host = value
		case "SharedAccessKeyName":
			policy = value
		case "SharedAccessKey":
			if key, err = base64.StdEncoding.DecodeString(value); err != nil {
				return "", "", nil, errors.New("connection string: SharedAccessKey is not base64")
			}
		}
	}
	switch {
	case host == "":
		err = errors.New("connection string without HostName; it reads HostName=…;SharedAccessKeyName=…;SharedAccessKey=…")
	case policy == "":
		err = errors.New("connection string without SharedAccessKeyName")
	case len(key) == 0:
		err = errors.New("connection string without SharedAccessKey")
	}
	return host, policy, key, err
}

// Token is the authorization that requests carry: for the whole host, valid for an hour.
func (c *policyClient) Token() string {
	return SAS{
		Resource: escape(c.host), Key: c.key, Expiry: c.wire.clock().Now().Add(tokenLife), Policy: &c.policy,
	}.Token()
}

// Do sends one request. A response of any status is no error.
func (c *policyClient) Do(ctx context.Context, r ServiceRequest) (HTTPResponse, error) {
	request := HTTPRequest{Method: r.Method, Path: r.Path, Header: r.Header.Clone()}
	if request.Header == nil {
		request.Header = http.Header{}
	}
	query := url.Values{}
	for name, values := range r.Query {
		query[name] = values
	}
	version := c.apiVersion
	if r.APIVersion != nil {
		version = *r.APIVersion
	}
	if version != "" {
		query.Set("api-version", version)
	}
	if len(query) > 0 {
		request.Path += "?" + query.Encode()
	}
	var err error
	switch body := r.Body.(type) {
	case nil:
	case []byte:
		request.Body = body
	default:
		if request.Body, err = json.Marshal(body); err != nil {
			return HTTPResponse{}, fmt.Errorf("%s %s: body: %w", r.Method, r.Path, err)
		}
	}
	if len(request.Body) > 0 && !given(request.Header, "Content-Type") {
		request.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	token := ""
	if r.Token != nil {
		token = *r.Token
	} else {
		token = c.Token()
	}
	if token != "" && !given(request.Header, "Authorization") {
		request.Header.Set("Authorization", token)
	}
	return c.http.Do(ctx, request)
}

// given reports whether the header was set by the caller, in any case and even empty.
func given(h http.Header, name string) bool {
	for key := range h {
		if strings.EqualFold(key, name) {
			return true
		}
	}
	return false
}

// Close closes the client's connection.
func (c *policyClient) Close() { c.http.Close() }

// ServiceClient speaks the service API of a provisioning service (service-api.md 1.2).
// The helpers beside Do return any status as Do does; ids are escaped, and headers such
// as If-Match go by Do.
type ServiceClient struct{ policyClient }

// Service returns a client that signs with the policy of a connection string. Nothing is
// dialled yet.
func (w *Wire) Service(ep Endpoint, connectionString string) (*ServiceClient, error) {
	c, err := w.policyClient(ep, connectionString, DefaultServiceAPIVersion, ToService)
	if err != nil {
		return nil, err
	}
	return &ServiceClient{*c}, nil
}

// EnrollmentPath, GroupPath and RegistrationPath are the paths of one record.
func EnrollmentPath(registrationID string) string {
	return "/enrollments/" + url.PathEscape(registrationID)
}
func GroupPath(enrollmentGroupID string) string {
	return "/enrollmentGroups/" + url.PathEscape(enrollmentGroupID)
}
func RegistrationPath(registrationID string) string {
	return "/registrations/" + url.PathEscape(registrationID)
}

// PutEnrollment creates an individual enrollment; replacing one takes an If-Match. Its id
// is the record's registrationId.
func (c *ServiceClient) PutEnrollment(ctx context.Context, record map[string]any) (HTTPResponse, error) {
	return c.put(ctx, EnrollmentPath, record, "registrationId")
}

// PutGroup creates an enrollment group, as PutEnrollment does. Its id is the record's enrollmentGroupId.
func (c *ServiceClient) PutGroup(ctx context.Context, record map[string]any) (HTTPResponse, error) {
	return c.put(ctx, GroupPath, record, "enrollmentGroupId")
}

func (c *ServiceClient) put(ctx context.Context, path func(string) string, record map[string]any, member string) (HTTPResponse, error) {
	id, ok := record[member].(string)
	if !ok || id == "" {
		return HTTPResponse{}, fmt.Errorf("the record has no %s to put it under", member)
	}
	return c.Do(ctx, ServiceRequest{Method: http.MethodPut, Path: path(id), Body: record})
}

// GetEnrollment reads an individual enrollment.
func (c *ServiceClient) GetEnrollment(ctx context.Context, registrationID string) (HTTPResponse, error) {
	return c.Do(ctx, ServiceRequest{Method: http.MethodGet, Path: EnrollmentPath(registrationID)})
}

// DeleteEnrollment deletes an individual enrollment, whatever its etag.
func (c *ServiceClient) DeleteEnrollment(ctx context.Context, registrationID string) (HTTPResponse, error) {
	return c.Do(ctx, ServiceRequest{Method: http.MethodDelete, Path: EnrollmentPath(registrationID)})
}

// GetGroup reads an enrollment group.
func (c *ServiceClient) GetGroup(ctx context.Context, enrollmentGroupID string) (HTTPResponse, error) {
	return c.Do(ctx, ServiceRequest{Method: http.MethodGet, Path: GroupPath(enrollmentGroupID)})
}

// DeleteGroup deletes an enrollment group, whatever its etag.
func (c *ServiceClient) DeleteGroup(ctx context.Context, enrollmentGroupID string) (HTTPResponse, error) {
	return c.Do(ctx, ServiceRequest{Method: http.MethodDelete, Path: GroupPath(enrollmentGroupID)})
}

// GetRegistration reads a device's registration state.
func (c *ServiceClient) GetRegistration(ctx context.Context, registrationID string) (HTTPResponse, error) {
	return c.Do(ctx, ServiceRequest{Method: http.MethodGet, Path: RegistrationPath(registrationID)})
}

// DeleteRegistration deletes a device's registration state.
func (c *ServiceClient) DeleteRegistration(ctx context.Context, registrationID string) (HTTPResponse, error) {
	return c.Do(ctx, ServiceRequest{Method: http.MethodDelete, Path: RegistrationPath(registrationID)})
}

// AttestationMechanism reads the attestation with its keys, of the record at a path of
// EnrollmentPath or GroupPath.
func (c *ServiceClient) AttestationMechanism(ctx context.Context, recordPath string) (HTTPResponse, error) {
	return c.Do(ctx, ServiceRequest{Method: http.MethodPost, Path: recordPath + "/attestationmechanism"})
}

// Query asks for one page of a collection: "/enrollments", "/enrollmentGroups" or
// RegistrationPath of a group. max 0 and continuation "" send no header.
func (c *ServiceClient) Query(ctx context.Context, collection, query string, max int, continuation string) (HTTPResponse, error) {
	header := http.Header{}
	if max != 0 {
		header.Set("x-ms-max-item-count", fmt.Sprint(max))
	}
	if continuation != "" {
		header.Set("x-ms-continuation", continuation)
	}
	return c.Do(ctx, ServiceRequest{
		Method: http.MethodPost, Path: collection + "/query", Header: header, Body: map[string]any{"query": query},
	})
}
