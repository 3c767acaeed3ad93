package devwire_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/vectors"
)

// toyTPM takes whatever it imports for its key.
type toyTPM struct {
	ek, srk, key []byte
	refuse       error
}

func (t *toyTPM) EndorsementKey() ([]byte, error) { return t.ek, nil }
func (t *toyTPM) StorageRootKey() ([]byte, error) { return t.srk, nil }
func (t *toyTPM) Import(blob []byte) error {
	if t.refuse == nil {
		t.key = bytes.Clone(blob)
	}
	return t.refuse
}
func (t *toyTPM) Sign(data []byte) ([]byte, error) {
	mac := hmac.New(sha256.New, t.key)
	mac.Write(data)
	return mac.Sum(nil), nil
}

func tpmIdentity(t *testing.T) (devwire.Identity, *toyTPM) {
	t.Helper()
	names := vectors.All().AMQP
	device := &toyTPM{ek: unhex(t, names.SASL.TPMEndorsementKey), srk: unhex(t, names.SASL.TPMStorageRootKey)}
	return devwire.Identity{Scope: names.Scope, RegistrationID: names.RegistrationID, TPM: device}, device
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// signedBy is the token that a device signs at noon with a key.
func signedBy(key []byte, policy string) string {
	return devwire.SAS{Resource: "0ne00DEMO01%2Fregistrations%2Fdev-01", Key: key, Expiry: noon.Add(3600e9), Policy: &policy}.Token()
}

func TestTPMOverHTTPS(t *testing.T) {
	lab := newLab(t)
	challenge := func(key string) string {
		return fmt.Sprintf(`{"message":"Authorization required","keyName":"registration","authenticationKey":%q}`, base64.StdEncoding.EncodeToString([]byte(key)))
	}
	script := &httpScript{answers: []string{
		reply(401, "", challenge("first key")), reply(202, "Retry-After: 3\r\n", assigning), reply(202, "", assigning),
		reply(401, "", challenge("second key")), reply(202, "", assigning),
	}}
	port := lab.serve(t, lab.tls(), script.serve)
	id, _ := tpmIdentity(t)
	device, err := lab.wire().Device(soon(t), dps.HTTPS, endpoint(serviceHost, port), id)
	must(t, err)
	defer device.Close()
	for _, ask := range []func() (devwire.Answer, error){
		func() (devwire.Answer, error) { return device.Register(soon(t), json.RawMessage(`{"a":1}`)) },
		func() (devwire.Answer, error) { return device.Poll(soon(t), operation) },
		func() (devwire.Answer, error) { return device.Register(soon(t), nil) },
	} {
		if a, err := ask(); err != nil || a.Code != 202 {
			t.Fatalf("%s, %v", a, err)
		}
	}
	put, get := "PUT "+vectors.All().HTTPS.Requests[0].Path+" ", "GET "+vectors.All().HTTPS.Requests[1].Path+" "
	first, second := signedBy([]byte("first key"), "registration"), signedBy([]byte("second key"), "registration")
	want := []string{put, put + first, get + first, put, put + second}
	if !slices.Equal(script.heads, want) {
		t.Errorf("asked\n%s, want\n%s", strings.Join(script.heads, "\n"), strings.Join(want, "\n"))
	}
	body := `{"registrationId":"dev-01","tpm":{"endorsementKey":"AToAAQ==","storageRootKey":"ARoAAQ=="},"payload":{"a":1}}`
	if script.bodies[0] != body || script.bodies[1] != body {
		t.Errorf("registered with %q", script.bodies[:2])
	}
}

func TestWhatIsNoChallengeIsTold(t *testing.T) {
	for name, tc := range map[string]struct {
		status    int
		body      string
		code      int
		malformed bool
	}{
		"an EK that nobody enrolled": {404, `{"errorCode":404201,"message":"m"}`, 404, false},
		"a refusal":                  {401, `{"errorCode":401002,"message":"m"}`, 401, false},
		"with a status":              {401, `{"authenticationKey":"QQ==","keyName":"k","status":"unassigned"}`, 401, true},
		"without a keyName":          {401, `{"authenticationKey":"QQ=="}`, 401, true},
		"an empty key":               {401, `{"authenticationKey":"","keyName":"k"}`, 401, true},
		"a key that is no base64":    {401, `{"authenticationKey":"?","keyName":"k"}`, 401, true},
		"no JSON":                    {401, `authenticationKey`, 401, true},
	} {
		lab := newLab(t)
		script := &httpScript{answers: []string{reply(tc.status, "", tc.body)}}
		id, _ := tpmIdentity(t)
		device, err := lab.wire().Device(soon(t), dps.HTTPS, endpoint(serviceHost, lab.serve(t, lab.tls(), script.serve)), id)
		must(t, err)
		a, err := device.Register(soon(t), nil)
		var malformed *devwire.Malformed
		if a.Code != tc.code || errors.As(err, &malformed) != tc.malformed || !tc.malformed && err != nil {
			t.Errorf("%s: %s, %v", name, a, err)
		}
		device.Close()
	}
}

func TestATPMThatRefusesEndsTheRegistration(t *testing.T) {
	lab := newLab(t)
	script := &httpScript{answers: []string{reply(401, "", `{"authenticationKey":"QQ==","keyName":"k"}`)}}
	id, device := tpmIdentity(t)
	device.refuse = errors.New("not for me")
	d, err := lab.wire().Device(soon(t), dps.HTTPS, endpoint(serviceHost, lab.serve(t, lab.tls(), script.serve)), id)
	must(t, err)
	defer d.Close()
	if _, err := d.Register(soon(t), nil); !errors.Is(err, device.refuse) {
		t.Errorf("got %v", err)
	}
}

// tpmSASL plays the service in the dialogue of device-api.md 4.3.
func (p *amqpPeer) tpmSASL(challenges ...string) (init *amqpframe.Described, responses []string) {
	offer(p, "PLAIN", "TPM")
	init = p.hear("sasl-init").Body
	initial, _ := init.Field("initial-response").([]byte)
	responses = []string{string(initial)}
	for _, c := range challenges {
		p.challenge(string(unhex(p.t, c)))
		response, _ := p.hear("sasl-response").Body.Field("response").([]byte)
		responses = append(responses, string(response))
	}
	return init, responses
}

func TestTPMOverAMQP(t *testing.T) {
	names := vectors.All().AMQP
	for _, tc := range []struct{ style, hostname, body string }{
		{"C", "", `{"registrationId":"dev-01","tpm":{"endorsementKey":"AToAAQ==","storageRootKey":"ARoAAQ=="}}`},
		{"C#", names.Address, ``},
		{"Java", "", `{"registrationId":"dev-01"}`},
		{"Node", names.Address, `{"registrationId":"dev-01","tpm":{"endorsementKey":"AToAAQ==","storageRootKey":"ARoAAQ=="}}`},
	} {
		t.Run(tc.style, func(t *testing.T) {
			lab := newLab(t)
			port := amqpPeers(t, lab, dps.AMQP, func(p *amqpPeer) {
				init, responses := p.tpmSASL(names.SASL.TPMChallenges...)
				blob := append(unhex(t, names.SASL.TPMBlob[0]), unhex(t, names.SASL.TPMBlob[1])...)
				for i, want := range names.SASL.TPMResponses {
					if i == 3 { // the vector stands for a token
						want = hex.EncodeToString([]byte("\x00" + signedBy(blob, "registration")))
					}
					if got := hex.EncodeToString([]byte(responses[i])); got != want {
						t.Errorf("response %d is %s, want %s", i, got, want)
					}
				}
				if init.Text("mechanism") != "TPM" || init.Text("hostname") != tc.hostname {
					t.Errorf("%s, hostname %q", init, init.Text("hostname"))
				}
				p.outcome(0)
				p.begin()
				p.links()
				m, _ := p.request(register, accepted)
				if got := string(bytes.Join(m.Data(), nil)); got != tc.body {
					t.Errorf("registered with %s", got)
				}
				p.answer(m, assigning)
				p.goodbye()
			})
			id, _ := tpmIdentity(t)
			for _, s := range devwire.AMQPStyles() {
				if s.Name == tc.style {
					id.AMQP = s
				}
			}
			device, err := lab.wire().Device(soon(t), dps.AMQP, endpoint(serviceHost, port), id)
			must(t, err)
			if a, err := device.Register(soon(t), nil); err != nil || a.Code != 202 {
				t.Errorf("%s, %v", a, err)
			}
			device.Close()
		})
	}
}

// Java takes nothing but one zero byte, and then two segments under 80 and C1.
func TestBrokenTPMDialogues(t *testing.T) {
	for name, challenges := range map[string][]string{
		"a first challenge of two bytes":  {"0000"},
		"an empty first challenge":        {""},
		"a segment first":                 {"80aabb"},
		"the last segment at once":        {"00", "c0aabbccdd"},
		"a segment counted from 1":        {"00", "81aabb"},
		"the last segment counted from 0": {"00", "80aabb", "c0ccdd"},
		"a third segment":                 {"00", "80aabb", "82ccdd"},
		"a fourth challenge":              {"00", "80aabb", "c1ccdd", "00"},
	} {
		lab := newLab(t)
		port := amqpPeers(t, lab, dps.AMQP, func(p *amqpPeer) {
			p.tpmSASL(challenges[:len(challenges)-1]...)
			p.challenge(string(unhex(t, challenges[len(challenges)-1])))
			amqpframe.Read(p.rw, 1<<20) // the end
		})
		id, _ := tpmIdentity(t)
		_, err := lab.wire().Device(soon(t), dps.AMQP, endpoint(serviceHost, port), id)
		var malformed *devwire.Malformed
		if !errors.As(err, &malformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	id := testIdentity(t)
	id.AMQP.SASL = "TPM"
	var unsent *devwire.NotSent
	if _, err := newLab(t).wire().Device(soon(t), dps.AMQP, endpoint(serviceHost, 1), id); !errors.As(err, &unsent) {
		t.Errorf("sasl TPM without a TPM: %v", err)
	}
}

func TestTheKeyForTheHubIsInTheAnswer(t *testing.T) {
	const body = `{"operationId":"1","status":"assigned","registrationState":{"registrationId":"d","status":"assigned"%s}}`
	for name, tc := range map[string]struct {
		member string
		want   []byte
		bad    bool
	}{
		"a key":       {`,"tpm":{"authenticationKey":"AQI="}`, []byte{1, 2}, false},
		"none":        {``, nil, false},
		"another":     {`,"tpm":{}`, nil, false},
		"no base64":   {`,"tpm":{"authenticationKey":"?"}`, nil, true},
		"null":        {`,"tpm":null`, nil, true},
		"not text":    {`,"tpm":{"authenticationKey":[1]}`, nil, true},
		"not a group": {`,"tpm":"AQI="`, nil, true},
	} {
		a, err := devwire.ParseAnswer(200, fmt.Appendf(nil, body, tc.member))
		if (err != nil) != tc.bad {
			t.Errorf("%s: %v", name, err)
		}
		if got, err := a.TPMKey(); !bytes.Equal(got, tc.want) || (err != nil) != tc.bad {
			t.Errorf("%s: %x, %v", name, got, err)
		}
	}
}
