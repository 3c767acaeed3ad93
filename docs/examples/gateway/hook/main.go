// Command hook lets devices in at the service behind a gateway: an example of the hooks of a
// target file. It reads a record as JSON, writes it as the service answered, and ends with
// exit code 3 where the service does not have such records.
//
// It takes the service from the variables that `dpslab up --env-file` writes. A hook of
// another service talks to that one's own API, database or command line instead.
package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[len(os.Args)-1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// record is what a hook reads: a record as a PUT carries it, with its kind.
type record = map[string]any

func run(verb string) error {
	var r record
	if err := json.NewDecoder(os.Stdin).Decode(&r); err != nil {
		return fmt.Errorf("the record: %w", err)
	}
	kind := r["kind"]
	delete(r, "kind")
	service := connection{os.Getenv("DPSLAB_SERVICE_CONNECTION_STRING"), "2021-10-01"}
	hub := connection{os.Getenv("DPSLAB_HUB_1_CONNECTION_STRING"), "2021-04-12"}
	switch {
	case verb == "create" && kind == "individual":
		return service.put(path("enrollments", r["registrationId"]), r)
	case verb == "create" && kind == "group":
		return service.put(path("enrollmentGroups", r["enrollmentGroupId"]), r)
	case verb == "identity":
		delete(r, "hub") // there is one
		return hub.put(path("devices", r["deviceId"]), r)
	case verb == "delete" && kind == "hubIdentity":
		return hub.delete(path("devices", r["deviceId"]))
	case verb == "delete" && kind == "individual":
		return errors.Join(forget(service, hub, r["registrationId"]), service.delete(path("enrollments", r["registrationId"])))
	case verb == "delete" && kind == "group":
		return errors.Join(forgetGroup(service, hub, r["enrollmentGroupId"]), service.delete(path("enrollmentGroups", r["enrollmentGroupId"])))
	}
	fmt.Fprintf(os.Stderr, "%s of a %v is not known here\n", verb, kind)
	os.Exit(3)
	return nil
}

// forget removes what the registration of a device left.
func forget(service, hub connection, id any) error {
	return errors.Join(service.delete(path("registrations", id)), hub.delete(path("devices", id)))
}

func forgetGroup(service, hub connection, id any) error {
	answer, err := service.ask("POST", path("registrations", id)+"/query", record{"query": "SELECT *"})
	if missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	var registered []record
	if err := json.Unmarshal(answer, &registered); err != nil {
		return err
	}
	for _, r := range registered {
		err = errors.Join(err, forget(service, hub, r["registrationId"]))
	}
	return err
}

func path(collection string, id any) string {
	return "/" + collection + "/" + url.PathEscape(fmt.Sprint(id))
}

// connection is a connection string and the API version to speak.
type connection struct{ text, version string }

func (c connection) field(name string) string {
	for part := range strings.SplitSeq(c.text, ";") {
		if value, ok := strings.CutPrefix(part, name+"="); ok {
			return value
		}
	}
	return ""
}

// put writes the answer to standard output: it is the record that the hook answers with.
func (c connection) put(path string, r record) error {
	answer, err := c.ask("PUT", path, r)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(answer)
	return err
}

// delete takes what is gone already for gone.
func (c connection) delete(path string) error {
	_, err := c.ask("DELETE", path, nil)
	if missing(err) {
		return nil
	}
	return err
}

func missing(err error) bool {
	var refused refusal
	return errors.As(err, &refused) && refused.status == http.StatusNotFound
}

type refusal struct {
	what   string
	status int
	body   []byte
}

func (r refusal) Error() string {
	return fmt.Sprintf("%s was answered with %d %s", r.what, r.status, r.body)
}

func (c connection) ask(method, path string, body any) ([]byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	host := c.field("HostName")
	request, err := http.NewRequest(method, "https://"+host+path+"?api-version="+c.version, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	token, err := c.token(host)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", token)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("If-Match", "*")
	if method == "PUT" {
		request.Header.Del("If-Match")
	}
	client, err := lab()
	if err != nil {
		return nil, err
	}
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err == nil && answer.StatusCode >= 300 {
		err = refusal{method + " " + path, answer.StatusCode, said}
	}
	return said, err
}

// token is a shared access signature for the host (device-api.md 2.3).
func (c connection) token(host string) (string, error) {
	key, err := base64.StdEncoding.DecodeString(c.field("SharedAccessKey"))
	if err != nil || len(key) == 0 {
		return "", errors.New("there is no connection string; load the file of dpslab up --env-file")
	}
	expiry := fmt.Sprint(time.Now().Add(time.Hour).Unix())
	mac := hmac.New(sha256.New, key)
	io.WriteString(mac, url.QueryEscape(host)+"\n"+expiry)
	signature := url.QueryEscape(base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return "SharedAccessSignature sr=" + url.QueryEscape(host) + "&sig=" + signature + "&se=" + expiry + "&skn=" + c.field("SharedAccessKeyName"), nil
}

// lab is a client that dials the lab, whatever the name.
func lab() (*http.Client, error) {
	pem, err := os.ReadFile(os.Getenv("DPSLAB_CA_FILE"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	at := net.JoinHostPort(os.Getenv("DPSLAB_ADDRESS"), os.Getenv("DPSLAB_HTTPS_PORT"))
	var dialer net.Dialer
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", at) }
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}, nil
}
