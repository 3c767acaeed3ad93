package devwire_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/onsi/gomega/format"
)

// secret is a key that must never be seen, and its spellings.
var secret = []byte("an-unspeakable-key")

func spellings(token string) []string {
	_, signature, _ := strings.Cut(token, "sig=")
	signature, _, _ = strings.Cut(signature, "&")
	return []string{
		string(secret), base64.StdEncoding.EncodeToString(secret), hex.EncodeToString(secret),
		strings.Trim(fmt.Sprint(secret), "[]"), fmt.Sprintf("%#v", secret), signature,
		hex.EncodeToString([]byte(signature)),
	}
}

// printed is v as everything prints it that a value may meet.
func printed(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&b, verb+"\n", v)
		fmt.Fprintf(&b, verb+"\n", []any{struct{ Field any }{v}})
	}
	if text, err := json.Marshal(v); err == nil {
		b.Write(text)
	}
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v)
	b.WriteString(format.Object(v, 1))
	return b.String()
}

func TestNothingPrintsASecret(t *testing.T) {
	lab := newLab(t)
	script := func(filters ...string) int {
		return peers(t, lab, dps.MQTT, func(p *peer) {
			if _, ok := p.login(filters...); ok {
				p.goodbye()
			}
		})
	}
	wire := lab.wire()
	ep := endpoint(serviceHost, script(devwire.ResponseFilter))
	hubEP := endpoint(hubHost, script(devwire.TwinResponseFilter, devwire.DesiredFilter))
	id := devwire.Identity{Scope: "0ne00DEMO01", RegistrationID: "dev-01", Key: secret}
	hubID := devwire.HubIdentity{DeviceID: "dev-01", Key: secret}
	token := id.Token(noon)
	certificate, err := pki.SelfSigned("dev-01", pki.Options{Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	mqttDevice, err := wire.Device(soon(t), dps.MQTT, ep, id)
	if err != nil {
		t.Fatal(err)
	}
	mqttDevice.Close()
	hubDevice, err := wire.HubDevice(soon(t), dps.MQTT, hubEP, hubID)
	if err != nil {
		t.Fatal(err)
	}
	hubDevice.Close()
	amqpDevice, err := wire.Device(soon(t), dps.AMQP, endpoint(serviceHost, amqpPeers(t, lab, dps.AMQP, func(p *amqpPeer) {
		p.login()
		p.goodbye()
	})), id)
	if err != nil {
		t.Fatal(err)
	}
	amqpDevice.Close()
	encoded := base64.StdEncoding.EncodeToString(secret)
	_, challenge := devwire.ParseTPMChallenge(fmt.Appendf(nil, `{"status":"x","keyName":"k","authenticationKey":%q}`, encoded))
	httpsDevice, _ := wire.Device(soon(t), dps.HTTPS, ep, id)
	service, err := wire.Service(ep, "HostName=h;SharedAccessKeyName=p;SharedAccessKey="+encoded)
	if err != nil {
		t.Fatal(err)
	}
	hub, _ := wire.HubService(ep, "HostName=h;SharedAccessKeyName=p;SharedAccessKey="+encoded)
	header := http.Header{"authorization": {token}, "X-Other": {token}}
	body := fmt.Appendf(nil, `{"symmetricKey":{"primaryKey":%q}}`, encoded)
	_, malformed := devwire.ParseAnswer(200, fmt.Appendf(nil, `{"operationId":"1","status":"assigned","registrationState":{"tpm":{"authenticationKey":%q}}}`, encoded))
	connect := wire.ConnectPacket(id)

	for name, v := range map[string]any{
		"Identity": id, "*Identity": &id, "HubIdentity": hubID,
		"Identity with a certificate": devwire.Identity{Certificate: &certificate},
		"SAS":                         devwire.SAS{Resource: "r", Key: secret, Expiry: time.Unix(1, 0)},
		"DialOptions":                 devwire.DialOptions{Certificate: &certificate},
		"HTTPRequest":                 devwire.HTTPRequest{Method: "PUT", Path: "/x", Header: header, Body: body},
		"HTTPResponse":                devwire.HTTPResponse{Status: 200, Header: header, Body: body},
		"ServiceRequest":              devwire.ServiceRequest{Method: "PUT", Header: header, Body: body, Token: &token},
		"Answer":                      devwire.Answer{Code: 200, Raw: body},
		"Malformed":                   malformed,
		"ServiceClient":               service, "HubServiceClient": hub,
		"device over https": httpsDevice, "device over mqtt": mqttDevice, "device over amqp": amqpDevice, "HubDevice": hubDevice,
		"SASLLogin": devwire.SASLPlain("dev-01", token), "SASLLogin's frame": devwire.SASLPlain("dev-01", string(secret)).Init(),
		"TPMChallenge": devwire.TPMChallenge{AuthenticationKey: secret}, "a bad challenge": challenge,
		"CONNECT": fmt.Sprint(connect), "transcript": fmt.Sprintf("%+v", told(wire)),
	} {
		text := printed(t, v)
		for _, s := range append(spellings(token), "PrivateKey") {
			if strings.Contains(text, s) {
				t.Errorf("%s prints %q", name, s)
			}
		}
	}
}
