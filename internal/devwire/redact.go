package devwire

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/dpslab/dpslab/internal/transcript"
)

// Every type that could hold a secret says what it is without it, whoever prints it: fmt
// with any verb (Format), encoding/json and slog (MarshalText), gomega (GomegaString).

// hidden stands for a secret.
const hidden = "(hidden)"

func hide(secret []byte) string {
	if secret == nil {
		return "none"
	}
	return hidden
}

func present(given bool) string {
	if given {
		return "given"
	}
	return "none"
}

func (id Identity) String() string {
	return fmt.Sprintf("device %s in scope %s, key %s, certificate %s, tpm %s",
		id.RegistrationID, id.Scope, hide(id.Key), present(id.Certificate != nil), present(id.TPM != nil))
}

func (id HubIdentity) String() string {
	return fmt.Sprintf("device %s, key %s, certificate %s, tpm %s",
		id.DeviceID, hide(id.Key), present(id.Certificate != nil), present(id.TPM != nil))
}

func (s SAS) String() string {
	return fmt.Sprintf("token for %s until %d, key %s", s.Resource, s.Expiry.Unix(), hide(s.Key))
}

func (o DialOptions) String() string {
	return fmt.Sprintf("dial options: certificate %s, server name %q, no sni %v, path %q, subprotocols %q",
		present(o.Certificate != nil), o.ServerName, o.NoSNI, o.Path, o.Subprotocols)
}

func (r HTTPRequest) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s\n%s%s", r.Method, r.Path, headerText(r.Header), bodyText(r.Body)))
}

func (r HTTPResponse) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %d\n%s%s", r.Proto, r.Status, headerText(r.Header), bodyText(r.Body)))
}

func (r ServiceRequest) String() string {
	body := "none"
	if r.Body != nil {
		body = fmt.Sprintf("a %T", r.Body)
	}
	return fmt.Sprintf("%s %s, query %s, body %s", r.Method, r.Path, transcript.RedactText(r.Query.Encode()), body)
}

func (a Answer) String() string {
	text := fmt.Sprintf("code %d", a.Code)
	if a.Topic != "" {
		text += " on " + a.Topic
	}
	return text + ", body " + bodyText(a.Raw)
}

func (m *Malformed) String() string { return m.Error() }

func (c *policyClient) String() string {
	return fmt.Sprintf("client of %s by policy %s, key %s", c.host, c.policy, hide(c.key))
}

func (d *httpsDevice) String() string   { return d.id.String() + " over https" }
func (d *MQTTDevice) String() string    { return d.id.String() + " over mqtt" }
func (h *HubDevice) String() string     { return h.id.String() + " at its hub" }
func (h *AMQPHubDevice) String() string { return h.id.String() + " at its hub over amqp" }
func (d *AMQPDevice) String() string    { return d.id.String() + " over " + d.over.String() }

func (l SASLLogin) String() string {
	return fmt.Sprintf("sasl %s, hostname %q, response %s", l.Mechanism, l.Hostname, hide(l.Initial))
}

func (c TPMChallenge) String() string {
	return fmt.Sprintf("tpm challenge %q, key %s of %d bytes", c.Message, c.KeyName, len(c.AuthenticationKey))
}

// headerText writes a header with its credentials hidden.
func headerText(h http.Header) string {
	shown := h.Clone()
	for name, values := range shown {
		switch strings.ToLower(name) {
		case "authorization", "proxy-authorization", "cookie", "set-cookie":
			shown[name] = []string{hidden}
		default:
			for i, v := range values {
				values[i] = transcript.RedactText(v)
			}
		}
	}
	var b bytes.Buffer
	shown.Write(&b)
	return strings.ReplaceAll(b.String(), "\r\n", "\n")
}

func bodyText(b []byte) string { return string(transcript.RedactJSON(b)) }

func format(s fmt.State, v fmt.Stringer) { io.WriteString(s, v.String()) }

func (id Identity) Format(s fmt.State, _ rune)      { format(s, id) }
func (id HubIdentity) Format(s fmt.State, _ rune)   { format(s, id) }
func (s SAS) Format(f fmt.State, _ rune)            { format(f, s) }
func (o DialOptions) Format(s fmt.State, _ rune)    { format(s, o) }
func (r HTTPRequest) Format(s fmt.State, _ rune)    { format(s, r) }
func (r HTTPResponse) Format(s fmt.State, _ rune)   { format(s, r) }
func (r ServiceRequest) Format(s fmt.State, _ rune) { format(s, r) }
func (a Answer) Format(s fmt.State, _ rune)         { format(s, a) }
func (m *Malformed) Format(s fmt.State, _ rune)     { format(s, m) }
func (c *policyClient) Format(s fmt.State, _ rune)  { format(s, c) }
func (d *httpsDevice) Format(s fmt.State, _ rune)   { format(s, d) }
func (d *MQTTDevice) Format(s fmt.State, _ rune)    { format(s, d) }
func (h *HubDevice) Format(s fmt.State, _ rune)     { format(s, h) }
func (h *AMQPHubDevice) Format(s fmt.State, _ rune) { format(s, h) }
func (d *AMQPDevice) Format(s fmt.State, _ rune)    { format(s, d) }
func (l SASLLogin) Format(s fmt.State, _ rune)      { format(s, l) }
func (c TPMChallenge) Format(s fmt.State, _ rune)   { format(s, c) }

func (id Identity) GomegaString() string      { return id.String() }
func (id HubIdentity) GomegaString() string   { return id.String() }
func (s SAS) GomegaString() string            { return s.String() }
func (o DialOptions) GomegaString() string    { return o.String() }
func (r HTTPRequest) GomegaString() string    { return r.String() }
func (r HTTPResponse) GomegaString() string   { return r.String() }
func (r ServiceRequest) GomegaString() string { return r.String() }
func (a Answer) GomegaString() string         { return a.String() }
func (m *Malformed) GomegaString() string     { return m.String() }
func (c *policyClient) GomegaString() string  { return c.String() }
func (d *httpsDevice) GomegaString() string   { return d.String() }
func (d *MQTTDevice) GomegaString() string    { return d.String() }
func (h *HubDevice) GomegaString() string     { return h.String() }
func (h *AMQPHubDevice) GomegaString() string { return h.String() }
func (d *AMQPDevice) GomegaString() string    { return d.String() }
func (l SASLLogin) GomegaString() string      { return l.String() }
func (c TPMChallenge) GomegaString() string   { return c.String() }

func (id Identity) MarshalText() ([]byte, error)      { return []byte(id.String()), nil }
func (id HubIdentity) MarshalText() ([]byte, error)   { return []byte(id.String()), nil }
func (s SAS) MarshalText() ([]byte, error)            { return []byte(s.String()), nil }
func (o DialOptions) MarshalText() ([]byte, error)    { return []byte(o.String()), nil }
func (r HTTPRequest) MarshalText() ([]byte, error)    { return []byte(r.String()), nil }
func (r HTTPResponse) MarshalText() ([]byte, error)   { return []byte(r.String()), nil }
func (r ServiceRequest) MarshalText() ([]byte, error) { return []byte(r.String()), nil }
func (a Answer) MarshalText() ([]byte, error)         { return []byte(a.String()), nil }
func (l SASLLogin) MarshalText() ([]byte, error)      { return []byte(l.String()), nil }
func (c TPMChallenge) MarshalText() ([]byte, error)   { return []byte(c.String()), nil }
