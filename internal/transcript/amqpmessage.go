package transcript

import (
	"fmt"
	"regexp"
	"strings"
)

// show tells an AMQP performative: what is short in the summary, what is composed below.
func (f amqpFields) show(m *message) {
	for i, v := range f.values {
		if v == nil || i >= len(f.names) {
			continue
		}
		name := f.names[i]
		switch v := v.(type) {
		case amqpMap:
			m.lines = append(m.lines, name+": "+strings.Join(v.pairs(), " "))
		case amqpDescribed:
			inner, fields := v.composite()
			switch name {
			case "source", "target", "error":
				m.lines = append(m.lines, strings.TrimSpace(name+": "+strings.Join(fields.pairs(), " ")))
			case "state":
				m.summary += " state=" + inner
				if pairs := fields.pairs(); len(pairs) > 0 {
					m.lines = append(m.lines, inner+": "+strings.Join(pairs, " "))
				}
			default:
				m.lines = append(m.lines, name+": "+showAMQP(v))
			}
		default:
			m.summary += " " + name + "=" + f.text(name, v)
		}
	}
	if n := len(f.values) - len(f.names); n > 0 {
		m.lines = append(m.lines, fmt.Sprintf("and %d fields more than AMQP has in it", n))
	}
}

// sasl tells the body of a SASL frame, of which everything that a client or a server
// answers may be a secret (5.3.3).
func (f amqpFields) sasl(m *message, name string) {
	switch name {
	case "sasl-mechanisms":
		m.summary += " " + showAMQP(f.get("sasl-server-mechanisms"))
	case "sasl-init":
		mechanism, _ := f.get("mechanism").(amqpSymbol)
		m.summary += " " + showAMQP(mechanism)
		if host, ok := f.get("hostname").(string); ok {
			m.summary += " hostname=" + showAMQP(host)
		}
		if response, ok := f.get("initial-response").(amqpBinary); ok {
			m.lines = append(m.lines, saslResponse(string(mechanism), string(response))...)
		}
	case "sasl-challenge":
		challenge, _ := f.get("challenge").(amqpBinary)
		m.summary += saslControl(challenge)
	case "sasl-response":
		response, _ := f.get("response").(amqpBinary)
		m.summary += saslControl(response)
	case "sasl-outcome":
		m.summary += fmt.Sprintf(" code=%v", f.get("code"))
		if data, ok := f.get("additional-data").(amqpBinary); ok {
			m.summary += fmt.Sprintf(" additional-data=%d bytes", len(data))
		}
	}
}

// saslControl tells what may be told of a challenge or response: its length and, when it
// looks like one, the control byte of the mechanism TPM (device-api.md 4.3).
func saslControl(b amqpBinary) string {
	if len(b) == 0 || b[0]&0x3c != 0 {
		return fmt.Sprintf(" %d bytes", len(b))
	}
	return fmt.Sprintf(" control=%#02x %d bytes", b[0], len(b))
}

// saslResponse tells an initial response. What does not have the form of its mechanism is
// hidden as a whole.
func saslResponse(mechanism, response string) []string {
	parts := strings.SplitN(response, "\x00", 4)
	switch {
	case mechanism == "PLAIN" && len(parts) == 3 && harmlessUser.MatchString(parts[1]) && harmlessUser.MatchString(parts[0]+"x"):
		lines := []string{"user: " + parts[1], "password: " + redactCredential(parts[2])}
		if parts[0] != "" {
			lines = append([]string{"authorization id: " + parts[0]}, lines...)
		}
		return lines
	case mechanism == "TPM" && len(parts) == 4 && parts[0] == "" && harmlessPolicy.MatchString(parts[1]) && harmlessUser.MatchString(parts[2]):
		return []string{"id scope: " + parts[1], "registration: " + parts[2], fmt.Sprintf("endorsement key: %d bytes", len(parts[3]))}
	case response == "":
		return nil
	}
	return []string{fmt.Sprintf("initial response: %s, %d bytes", redacted, len(response))}
}

// harmlessUser is a user name as the service and hubs know them.
var harmlessUser = regexp.MustCompile(`^[A-Za-z0-9._:/@%-]{1,300}$`)

// amqpDelivery is a message that comes in one or more transfers.
type amqpDelivery struct {
	kept []byte
	size int64
}

func (d *amqpDelivery) add(p payload) {
	if int64(len(d.kept)) == d.size { // nothing is missing yet
		d.kept = append(d.kept, p.b[:min(len(p.b), amqpKept-len(d.kept))]...)
	}
	d.size += p.size
}

// show tells the message section by section (3.2). What goes over a link of tokens, or
// says that it puts one, has its body hidden.
func (d *amqpDelivery) show(m *message, token bool) {
	cut := d.size > int64(len(d.kept))
	r := newAMQPReader(d.kept)
	var values []any // of bodies that are no data
	for len(r.b) > 0 {
		rest := *r
		v, ok := r.value(0).(amqpDescribed)
		code, known := v.code()
		switch {
		case r.why != "" && cut:
			d.showCut(m, rest.b, token)
		case r.why != "":
			m.lines = append(m.lines, "the rest of the message has "+r.why)
		case !ok || !known || !d.section(m, v, code, &values):
			m.lines = append(m.lines, "the rest of the message is no section of AMQP's")
			r.b = nil
		default:
			token = token || putsToken(v)
		}
	}
	for _, v := range values {
		if token {
			text, _ := v.(string)
			v = redactCredential(strings.TrimSpace(text))
		}
		m.lines = append(m.lines, "amqp-value: "+showAMQP(v))
	}
	if token && m.body != nil {
		m.body = []byte(redactCredential(strings.TrimSpace(string(m.body))))
		m.size = int64(len(m.body))
	}
}

// putsToken reports whether a section asks $cbs to take a token (iot-hub.md 2.2).
func putsToken(v amqpDescribed) bool {
	properties, _ := v.value.(amqpMap)
	switch operation := properties.get("operation").(type) {
	case string:
		return strings.EqualFold(strings.TrimSpace(operation), "put-token")
	case amqpSymbol:
		return strings.EqualFold(strings.TrimSpace(string(operation)), "put-token")
	}
	return false
}

// section tells one section; false for what is none.
func (d *amqpDelivery) section(m *message, v amqpDescribed, code uint64, values *[]any) bool {
	name, fields := v.composite()
	if name == "" {
		name = amqpSections[code]
	}
	entries, isMap := v.value.(amqpMap)
	data, isBinary := v.value.(amqpBinary)
	switch {
	case fields.names != nil && (code == 0x70 || code == 0x73):
		m.lines = append(m.lines, strings.TrimSpace(name+": "+strings.Join(fields.pairs(), " ")))
	case isMap && name != "" && name != "amqp-value":
		m.lines = append(m.lines, name+": "+strings.Join(entries.pairs(), " "))
	case isBinary && name == "data":
		m.body, m.size = append(m.body, data...), m.size+int64(len(data))
		m.lines = append(m.lines, fmt.Sprintf("data: %d bytes", len(data)))
	case name == "amqp-value" || name == "amqp-sequence":
		*values = append(*values, v.value)
	default:
		return false
	}
	return true
}

// showCut tells the section that reaches past what was kept: the beginning of a data
// section is shown.
func (d *amqpDelivery) showCut(m *message, b []byte, token bool) {
	if data, ok := cutData(b); ok && !token {
		m.body, m.size = append(m.body, data...), m.size+d.size
	}
	m.lines = append(m.lines, "the rest of the message is too long to be kept")
}

// cutData is the beginning of what a long data section holds: 00 53 75 b0 and four bytes.
func cutData(b []byte) ([]byte, bool) {
	if len(b) < 8 || string(b[:4]) != "\x00\x53\x75\xb0" {
		return nil, false
	}
	return b[8:min(len(b), 8+keptBody)], true
}
