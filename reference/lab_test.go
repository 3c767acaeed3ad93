package reference_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dpslab/dpslab/fakehub"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/internal/sas"
	"github.com/dpslab/dpslab/internal/transcript"
	"github.com/dpslab/dpslab/reference"
)

const (
	patience = 20 * time.Second
	version  = "?api-version=2021-10-01"
)

var now = clock.System().Now()

var root = sync.OnceValue(func() *pki.Authority {
	a, err := pki.NewRoot("lab", pki.Options{Now: now})
	if err != nil {
		panic(err)
	}
	return a
})

func roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(root().Certificate)
	return pool
}

func certificate(names ...string) (tls.Certificate, error) {
	return root().Server(names, nil, pki.Options{Now: now})
}

// lab is a server of services and one of hubs behind one door.
type lab struct {
	*reference.Server
	t    *testing.T
	door *frontdoor.Door
	hubs *fakehub.Server
}

func newLab(t *testing.T) *lab {
	t.Helper()
	door, err := frontdoor.Listen(frontdoor.Options{AMQPSPort: -1, Timeouts: frontdoor.Timeouts{Shutdown: time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	log := transcript.NewLog(transcript.Server, clock.System(), 1<<20)
	l := &lab{t: t, door: door, hubs: fakehub.New(fakehub.Options{Door: door, Certificate: certificate, Log: log})}
	l.Server = reference.New(reference.Options{
		Door: door, Certificate: certificate, HubRoots: roots(), HubAddress: func(string) string { return l.shared() }, Log: log,
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := errors.Join(l.Close(ctx), l.hubs.Close(ctx), door.Close(ctx)); err != nil {
			t.Error(err)
		}
	})
	return l
}

// shared is where everything without an address of its own answers over HTTPS.
func (l *lab) shared() string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(l.door.Ports().HTTPS))
}

func (l *lab) hub(name string) *fakehub.Hub {
	l.t.Helper()
	h, err := l.hubs.AddHub(fakehub.HubSpec{Name: name})
	if err != nil {
		l.t.Fatal(err)
	}
	return h
}

// service is one with what a device and an operator do to it.
type service struct {
	*reference.Service
	t      *testing.T
	client *http.Client
}

// service makes a service with these hubs.
func (l *lab) service(spec reference.ServiceSpec, hubs ...*fakehub.Hub) *service {
	l.t.Helper()
	for _, h := range hubs {
		spec.Hubs = append(spec.Hubs, reference.LinkedHub{ConnectionString: h.ConnectionString()})
	}
	v, err := l.AddService(spec)
	if err != nil {
		l.t.Fatal(err)
	}
	return &service{v, l.t, l.client(net.JoinHostPort(v.Address(), strconv.Itoa(l.door.Ports().HTTPS)))}
}

// client dials one address whatever the name.
func (l *lab) client(address string) *http.Client {
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots()},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}
	l.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// do sends a request with a token, and returns the status and the document, if it is an object.
func do(client *http.Client, method, url, token, body string) (int, map[string]any, error) {
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Authorization", token)
	r.Header.Set("Content-Type", "application/json")
	response, err := client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || len(text) == 0 {
		return response.StatusCode, nil, err
	}
	var doc any
	err = json.Unmarshal(text, &doc)
	object, _ := doc.(map[string]any)
	return response.StatusCode, object, err
}

// operator sends a request of the service API.
func (s *service) operator(method, path, body string) (int, map[string]any) {
	s.t.Helper()
	status, doc, err := do(s.client, method, "https://"+s.ServiceHost()+path+version, s.operatorToken(), body)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return status, doc
}

func (s *service) operatorToken() string {
	s.t.Helper()
	c, err := sas.ParseConnectionString(s.ConnectionString())
	if err != nil {
		s.t.Fatal(err)
	}
	return sas.Sign(c.HostName, c.SharedAccessKey, s.Clock().Now().Add(time.Hour), c.SharedAccessKeyName)
}

// key is the symmetric key of an enrolled device.
func (s *service) key(id string) []byte { return []byte(fmt.Sprintf("%-32s", id+" of "+s.Name())) }

// enroll makes an individual enrollment.
func (s *service) enroll(id string) {
	s.t.Helper()
	keys, err := json.Marshal(map[string][]byte{"primaryKey": s.key(id), "secondaryKey": s.key(id)})
	if err != nil {
		s.t.Fatal(err)
	}
	body := fmt.Sprintf(`{"registrationId":%q,"attestation":{"type":"symmetricKey","symmetricKey":%s}}`, id, keys)
	if status, doc := s.operator("PUT", "/enrollments/"+id, body); status != 200 {
		s.t.Fatalf("enroll %s: %d %v", id, status, doc)
	}
}

// device sends a request of a device of this service, to a host that may be another's.
func (s *service) device(client *http.Client, method, host, id, rest string) (int, map[string]any, error) {
	resource := s.Scope() + "/registrations/" + id
	return do(client, method, "https://"+host+"/"+resource+rest+version, sas.Sign(resource, s.key(id), s.Clock().Now().Add(time.Hour), ""), "")
}

// provision registers a device and polls to the end; it returns the operation's document.
func (s *service) provision(id string) map[string]any {
	s.t.Helper()
	status, doc, err := s.device(s.client, "PUT", s.DeviceHost(), id, "/register")
	for err == nil && status == 202 {
		status, doc, err = s.device(s.client, "GET", s.DeviceHost(), id, "/operations/"+doc["operationId"].(string))
	}
	if err != nil || status != 200 {
		s.t.Fatalf("provision %s: %d %v, %v", id, status, doc, err)
	}
	return doc
}

// state is a member of the registration state in an operation.
func state(doc map[string]any, member string) any {
	s, _ := doc["registrationState"].(map[string]any)
	return s[member]
}
