package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/transcript"
	"github.com/dpslab/dpslab/suites/sut"
)

// vault holds secrets by what they are, as their bytes.
type vault map[string]string

// key plants a key whose base64 has characters that change when they are escaped.
func (v vault) key(what string) (base64Text string) {
	bytes := (what + strings.Repeat("~~~???>>>", 8))[:64]
	v[what] = bytes
	return base64.StdEncoding.EncodeToString([]byte(bytes))
}

// shown are the secrets that a text shows, in any spelling, whole or by 20 characters of
// their beginning or end.
func (v vault) shown(text string) (found []string) {
	for what, secret := range v {
		for _, spelled := range spellings(secret) {
			for _, part := range []string{spelled, spelled[:min(20, len(spelled))], spelled[max(0, len(spelled)-20):]} {
				if strings.Contains(text, part) {
					found = append(found, fmt.Sprintf("%s as %q", what, part))
				}
			}
		}
	}
	return found
}

func spellings(secret string) (list []string) {
	raw := []byte(secret)
	for _, plain := range []string{
		secret, base64.StdEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw), hex.EncodeToString(raw),
	} {
		escaped := url.QueryEscape(plain)
		quoted, _ := json.Marshal(plain)
		list = append(list, plain, escaped, strings.ToLower(escaped), url.PathEscape(plain), url.QueryEscape(escaped),
			strings.Trim(string(quoted), `"`), strings.ReplaceAll(plain, "/", `\/`), base64.StdEncoding.EncodeToString([]byte(plain)))
	}
	return list
}

// suspicious finds what looks like a secret that nobody planted: checks make their own.
var suspicious = regexp.MustCompile(`(?i)(?:sig|SharedAccessKey)(?:=|%3D|\\u003d)([^&;\s"'\\<>]+)|(?:primary|secondary)Key\\*"\s*:\s*\\*"([^"\\]+)|-----BEGIN [A-Z ]*(PRIVATE KEY)-----`)

func revealing(text string) (found []string) {
	for _, match := range suspicious.FindAllStringSubmatch(text, -1) {
		value := strings.Join(match[1:], "")
		beginning, _, cut := strings.Cut(value, "…") // as help and errors say, and lines that are too long
		if !strings.HasPrefix(value, "REDACTED") && !(cut && strings.HasPrefix("REDACTED", beginning)) {
			found = append(found, match[0])
		}
	}
	return found
}

func TestTheSearchForSecretsFindsThem(t *testing.T) {
	v := vault{}
	text := v.key("device key")
	for _, hiding := range []string{"key " + text, "?sig=" + url.QueryEscape(text), text[:30], string([]byte(v["device key"])), `{"k":"` + strings.ReplaceAll(text, "/", `\/`) + `"}`} {
		if len(v.shown(hiding)) == 0 {
			t.Errorf("not found in %q", hiding)
		}
	}
	for _, hiding := range []string{"sr=a&sig=YWJj&se=1", `{"primaryKey":"YWJj"}`, `"{\"secondaryKey\": \"YWJj\"}"`, "SharedAccessKey=YWJj", "-----BEGIN RSA PRIVATE KEY-----"} {
		if len(revealing(hiding)) == 0 {
			t.Errorf("not found in %q", hiding)
		}
	}
	if found := append(v.shown("nothing here"), revealing("sr=a&sig=REDACTED&se=1 SharedAccessKey=…")...); len(found) > 0 {
		t.Errorf("%q", found)
	}
}

func TestNoOutputShowsASecret(t *testing.T) {
	t.Parallel()
	v := vault{}
	v["control token"] = "planted-control-token-planted-control-token-planted-control"
	env := environment(t, "DPSLAB_CONTROL_TOKEN="+v["control token"])
	lab := serveLab(t, env, "up", "--verbose").open(t)
	v.connectionString(t, "service key", lab.vars["DPSLAB_SERVICE_CONNECTION_STRING"])
	v.connectionString(t, "hub key", lab.vars["DPSLAB_HUB_1_CONNECTION_STRING"])
	s := &seam{running: lab, control: lab.control(t)}
	s.name = defaultService(t, s.control)

	outputs := map[string]string{}
	s.goRight(t, v, outputs)
	s.goWrong(t, v, outputs)
	s.overControl(t, v, outputs)
	s.conform(t, v, outputs)
	lab.interrupt()
	lab.wait(t)
	outputs["the lab's stdout"], outputs["the lab's log"] = lab.stdout.String(), lab.stderr.String()
	outputs["the client's record"] = fmt.Sprintf("%+v %#v", s.wire.Log.Events(transcript.Filter{}), s.target)

	if n := strings.Count(outputs["the lab's log"], "\n"); n < 10 {
		t.Errorf("a verbose log of %d lines: %s", n, outputs["the lab's log"])
	}
	for where, text := range outputs {
		if text == "" {
			t.Errorf("%s is empty, and proves nothing", where)
		}
		for _, found := range append(v.shown(text), revealing(text)...) {
			t.Errorf("%s shows %s", where, found)
		}
	}
}

func (v vault) connectionString(t *testing.T, what, s string) {
	t.Helper()
	_, key, _ := strings.Cut(s, "SharedAccessKey=")
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil || len(raw) < 16 {
		t.Fatalf("%s: %v", what, err)
	}
	v[what] = string(raw)
}

// goRight enrolls and registers devices.
func (s *seam) goRight(t *testing.T, v vault, outputs map[string]string) {
	group, secondary, individual := v.key("group key"), v.key("group's secondary key"), v.key("individual key")
	for name, args := range map[string][]string{
		"enroll group":      {"enroll", "group", "g", "--key=" + group, "--secondary-key", secondary},
		"enroll individual": {"enroll", "individual", "pump-1", "--key=" + individual, "--secondary-key", individual},
	} {
		p := s.dpslab(t, args...)
		if p.code != exitPassed {
			t.Fatalf("%s", p)
		}
		outputs[name] = p.all()
	}
	s.key = []byte(v["group key"])
	for _, over := range []string{"https", "mqtt", "mqtt-ws"} {
		v["derived key over "+over] = string(devwire.DeriveKey(s.key, "dev-"+over))
		p := s.dpslab(t, "device", "dev-"+over, "--group-key", group, "--transport", over)
		if p.code != exitPassed {
			t.Errorf("%s", p)
		}
		outputs["device over "+over] = p.all()
	}
	p := s.dpslab(t, "device", "pump-1", "--key", individual, "--transport", "mqtt")
	outputs["device with its key"] = p.all()
	outputs["enroll list"] = s.dpslab(t, "enroll", "list").all()
	outputs["enroll show"] = s.dpslab(t, "enroll", "show", "group", "g").all()
	s.dpslab(t, "enroll", "show", "group", "g", "--keys") // shows them, and nothing else does
	token := s.identity("dev-token").Token(time.Now())
	v["signature"] = signatureOf(t, token)
	if answer := registerWith(t, s.running, "dev-token", token); answer.Status != 202 {
		t.Errorf("%v", answer)
	}
}

func signatureOf(t *testing.T, token string) string {
	t.Helper()
	_, rest, _ := strings.Cut(token, "sig=")
	escaped, _, _ := strings.Cut(rest, "&")
	text, err := url.QueryUnescape(escaped)
	raw, err2 := base64.StdEncoding.DecodeString(text)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	return string(raw)
}

// goWrong makes the mistakes that put secrets where they do not belong.
func (s *seam) goWrong(t *testing.T, v vault, outputs map[string]string) {
	wrong := v.key("wrong key")
	for _, over := range []string{"https", "mqtt", "mqtt-ws"} {
		outputs["refused over "+over] = s.dpslab(t, "device", "dev-"+over, "--key", wrong, "--transport", over).all()
	}
	connection := "HostName=" + s.target.DPS.ServiceHost + ";SharedAccessKeyName=provisioningserviceowner;SharedAccessKey=" + wrong
	for name, args := range map[string][]string{
		"a wrong connection string": {"enroll", "list"},
		"its conformance":           {"conformance", "--focus-id", "DPS-SVC-001"},
	} {
		target := s.target
		target.Control, target.DPS.ServiceConnectionString = nil, sut.Secret(connection)
		p := invoke(t, environment(t), "dpslab", append(args, "--target", writeTarget(t, target))...)
		if p.code == exitPassed {
			t.Errorf("%s", p)
		}
		outputs[name] = p.all()
	}
	broken := filepath.Join(t.TempDir(), "broken.yaml")
	text := "dpslab: target/v1\ndps:\n  host: h\n  service_connection_string: " + connection + "\n  oops: [\n"
	if err := os.WriteFile(broken, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	outputs["a broken target file"] = invoke(t, environment(t), "dpslab", "conformance", "--target", broken).all()
	outputs["a link that is none"] = invoke(t, environment(t), "dpslab", "reference", "serve", "--auto-ports", "--server-key", "p256", "--link-hub", "Host="+connection).all()
	outputs["a key as an argument"] = s.dpslab(t, "device", "dev-01", "--group-key", wrong[1:]).all()
	outputs["a control URL with a token"] = s.dpslab(t, "health", "--control", "https://user:"+v["control token"]+"@127.0.0.1:1").all()

	for i, header := range []string{
		"SharedAccessSignature sig=" + wrong, "SharedAccessSignature sr=x&sig=" + url.QueryEscape(wrong) + "&se=soon", "Bearer " + wrong,
		"Basic " + wrong, wrong, connection, "SharedAccessSignature " + connection,
	} {
		outputs[fmt.Sprint("credential ", i)] = string(registerWith(t, s.running, "dev-01", header).Body)
		outputs[fmt.Sprint("password ", i)] = s.connect(t, func(username, password *string) { *password = header })
	}
	outputs["a key in the user name"] = s.connect(t, func(username, password *string) { *username += "&SharedAccessKey=" + wrong })
	client := s.service(t)
	for i, body := range []string{
		`{"registrationId":"x","attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"` + wrong + `"`,
		`{"registrationId":"x","attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"` + wrong + `","secondaryKey":7}}}`,
		`{"registrationId":"x","attestation":{"type":"x509","x509":{"clientCertificates":{"primary":{"certificate":"-----BEGIN RSA PRIVATE KEY-----\n` + wrong + `\n-----END RSA PRIVATE KEY-----"}}}}}`,
		`{"registrationId":"x","attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"!` + wrong + `","secondaryKey":"!` + wrong + `"}}}`,
	} {
		answer, err := client.Do(t.Context(), devwire.ServiceRequest{Method: http.MethodPut, Path: "/enrollments/x", Body: []byte(body)})
		if err != nil || answer.Status != 400 {
			t.Errorf("%v %v", answer, err)
		}
		outputs[fmt.Sprint("body ", i)] = string(answer.Body)
	}
	answer, err := client.Do(t.Context(), devwire.ServiceRequest{Method: http.MethodGet, Path: "/enrollments/nobody", Query: url.Values{"sig": {wrong}, "code": {wrong}}})
	if err != nil {
		t.Fatal(err)
	}
	outputs["a signature in the query"] = string(answer.Body)
	bad := controlapi.New(s.target.Control.URL, wrong, s.wire.Roots)
	defer bad.Close()
	_, err = bad.Info(t.Context())
	outputs["a wrong control token"] = fmt.Sprint(err)
}

// connect tries to log in over MQTT with what change makes of the credential.
func (s *seam) connect(t *testing.T, change func(username, password *string)) string {
	t.Helper()
	c, err := s.wire.Packets(t.Context(), dps.MQTT, s.target.Device(), devwire.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	packet := s.wire.ConnectPacket(s.identity("dev-01"))
	password := string(packet.Password)
	change(&packet.Username, &password)
	packet.Password = []byte(password)
	if err := c.Send(packet); err != nil {
		t.Fatal(err)
	}
	answer, err := c.Next(t.Context())
	return fmt.Sprint(answer, err)
}

// overControl reads what the control port shows of everything but services and hubs, whose
// connection strings are its business.
func (s *seam) overControl(t *testing.T, v vault, outputs map[string]string) {
	pem, err := os.ReadFile(s.vars["DPSLAB_CA_FILE"])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()
	hub := strings.SplitN(s.vars["DPSLAB_HUB_1_HOST"], ".", 2)[0]
	for _, path := range []string{
		"/v1/transcript", "/v1/info", "/v1/catalogue", "/v1/services/" + s.name + "/points", "/v1/hubs/" + hub + "/telemetry",
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.vars["DPSLAB_CONTROL_URL"]+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+v["control token"])
		answer, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		outputs["control "+path] = string(text)
	}
	if said := outputs["control /v1/transcript"]; strings.Count(said, "REDACTED") < 20 || !strings.Contains(said, "symmetricKey") {
		t.Error("the transcript holds too little to prove anything")
	}
}

// conform makes reports with reds that had keys and tokens on the wire.
func (s *seam) conform(t *testing.T, v vault, outputs map[string]string) {
	for _, defect := range []string{"https-register-200", "get-shows-keys"} {
		if _, err := s.control.ArmService(context.Background(), s.name, controlapi.Plan{Entry: defect}); err != nil {
			t.Fatal(err)
		}
	}
	for name, filter := range map[string]string{"conformance https": "family:HTTPS", "conformance svc": "family:SVC || family:SAS"} {
		report := t.TempDir()
		p := invoke(t, environment(t), "dpslab", "conformance", "--target", withoutControl(t, s.running), "--label-filter", filter, "--report-dir", report)
		if p.code == exitPassed {
			t.Errorf("%s", p)
		}
		outputs[name] = p.all()
		for _, file := range []string{"run.json", "junit.xml", pageName} {
			text, err := os.ReadFile(filepath.Join(report, file))
			if err != nil {
				t.Fatal(err)
			}
			outputs[name+" "+file] = string(text)
			outputs[name+" "+file+" as it is read"] = html.UnescapeString(string(text))
		}
		if page := outputs[name+" "+pageName]; strings.Count(page, "REDACTED") < 5 {
			t.Errorf("the page shows too little of the wire to prove anything: %d bytes", len(page))
		}
	}
}
