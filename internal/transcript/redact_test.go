package transcript_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/transcript"
)

// secret makes the n-th planted secret. No eight characters of it occur elsewhere.
func secret(n int) string { return fmt.Sprintf("zQ%02dxWv%02dkJh%02dpYb%02dqXz", n, n, n, n) }

// eights are all eight characters in a row of all planted secrets.
var eights = func() map[string]int {
	all := map[string]int{}
	for n := range 40 {
		for s := secret(n); len(s) >= 8; s = s[1:] {
			all[s[:8]] = n
		}
	}
	return all
}()

// findSecrets looks for any eight characters in a row of any planted secret.
func findSecrets(t *testing.T, where string, events any) {
	t.Helper()
	text, err := json.Marshal(events)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(text) - 7 {
		if n, found := eights[string(text[i:i+8])]; found {
			t.Fatalf("%s: %q of secret %d is shown: %s", where, text[i:i+8], n, text)
		}
	}
}

// everywhere is JSON with a secret in every place that JSON has one.
func everywhere() string {
	return `{"attestation":{"symmetricKey":{"primaryKey":"` + secret(1) + `" , "SECONDARYKEY" : "` + secret(2) + `"}},` +
		`"authenticationKey":"` + secret(3) + `","list":[{"sharedAccessKey":{"deep":["` + secret(4) + `"]}}],` +
		`"connectionString":"HostName=h;SharedAccessKeyName=p;SharedAccessKey=` + secret(5) + `",` +
		`"sasToken":"` + secret(6) + `","password":["` + secret(7) + `",1],"token":"a\"` + secret(8) + `","pass\u0077ord":"` + secret(9) + `",` +
		`"note":"SharedAccessSignature sr=h\u0026sig\u003d` + secret(10) + `\u0026se=1","hub":"HostName=h;SharedAccessKey=` + secret(11) + `;x=y",` +
		`"inner":"{\"primaryKey\":\"` + secret(12) + `\"}","url":"https://f.example/api?code=` + secret(13) + `&a=b","connection_string":"` + secret(14) + `"}`
}

// planted is a conversation of each protocol with secrets in every place.
func planted() map[transcript.Protocol][]said {
	sas := func(n int) string {
		return "SharedAccessSignature sr=h%2Fd&sig=" + secret(n) + "%3D&se=1893456000&skn=p"
	}
	body, short := everywhere(), `{"primaryKey":"`+secret(1)+`","x":"HostName=h;SharedAccessKey=`+secret(2)+`"}`
	return map[transcript.Protocol][]said{
		transcript.HTTP: {
			received("PUT /a?code=" + secret(20) + "&Sig=" + secret(21) + "&c%6fde=" + secret(22) + "&x=SharedAccessSignature%20sr%3Dh%26sig%3D" + secret(23) + " HTTP/1.1\r\n" +
				"Authorization: " + sas(24) + "\r\nauthorization:Bearer " + secret(25) + "\r\nAUTHORIZATION: " + secret(26) + "\r\n" +
				"Authorization: SharedAccessSignature\r\n sr=h&sig=" + secret(27) + "\r\n\t" + secret(28) + "&se=1\r\n" +
				"Proxy-Authorization: Basic " + secret(29) + "\r\nX-Functions-Key: " + secret(30) + "\r\nCookie: a=" + secret(31) + "\r\n" +
				"Referer: https://u:" + secret(32) + "@h/?sig=" + secret(33) + "\r\nX-Other: sr=h&sig=" + secret(34) + "\r\n" +
				fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)),
			sent(fmt.Sprintf("HTTP/1.1 401 sig=%s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n%x\r\n%s\r\n0\r\nAuthorization: %s\r\n\r\n",
				secret(35), 100, body[:100], len(body)-100, body[100:], secret(36))),
			sent("HTTP/1.1 200 OK\r\n\r\nno JSON, but SharedAccessKey=" + secret(37) + " and 'password': '" + secret(38) + "', Bearer " + secret(39) + "."),
		},
		transcript.MQTT: {
			received(packet(0x10, mqtt311(0xc6), u16(60), str("d"), str("t"), str(secret(20)), str("h/d/?api-version=1&sig="+secret(21)), str(sas(22)))),
			received(packet(0x10, mqtt311(0xc0), u16(60), str("d"), str("u"), str(secret(23)))),
			received(packet(0x10, mqtt311(0xc0), u16(60), str("d"), str("u"), str("SharedAccessSignature "+secret(24)))),
			received(packet(0x10, mqtt311(0xc0), u16(60), str("d"), str("u"), str("SharedAccessSignature sr=h sig="+secret(25)+"&se="+secret(26)))),
			received(packet(0x30, str("a/?code="+secret(27)+"&Token="+secret(28)), body)),
			sent(packet(0x82, u16(1), str("a/sig="+secret(29)), "\x01")),
			sent(packet(0x30, str("t"), "HostName=h;SharedAccessKey="+secret(30))),
		},
		transcript.AMQP: {
			received(sasl(composite(0x41, sym("PLAIN"), bin("\x00u\x00"+sas(20))))),
			received(sasl(composite(0x41, sym("PLAIN"), bin("\x00u\x00"+secret(21)))) + sasl(composite(0x41, sym("PLAIN"), bin(secret(22))))),
			received(sasl(composite(0x41, sym("EXTERNAL"), bin(secret(23)))) + sasl(composite(0x41, sym("TPM"), bin("\x00s\x00d\x00"+secret(24))))),
			received(sasl(composite(0x43, bin("\x00"+secret(25)))) + sasl(composite(0x43, bin("\x00"+sas(26))))),
			sent(sasl(composite(0x42, bin("\x80"+secret(27)))) + sasl(composite(0x44, "\x50\x00", bin(secret(28))))),
			received(amqp(composite(0x12, a8("c"), small(4), no, null, null, composite(0x28), composite(0x29, a8("$cbs")))) +
				transfer(4, no, described(0x77, text(secret(29)))) + transfer(4, no, described(0x75, bin(secret(30)))) + transfer(4, no, described(0x76, list(text(secret(31)))))),
			received(transfer(5, no, described(0x77, text(secret(32))), described(0x74, dict(a8("operation"), a8("put-token"))))),
			received(transfer(5, yes, described(0x74, dict(a8("operation"), sym("put-token")))) + transfer(5, no, described(0x77, text("Bearer "+secret(33))))),
			received(transfer(5, no, composite(0x73, bin(secret(34)), bin(secret(34))), described(0x74, dict(a8("password"), a8(secret(35)), a8("sasToken"), list(a8(secret(36))))), described(0x75, bin(body)))),
			received(transfer(5, no, described(0x77, text(sas(37))), described(0x77, text(short)))),
			sent(amqp(composite(0x15, yes, "\x43", null, yes, composite(0x25, composite(0x1d, sym("a"), text(short), dict(sym("sharedAccessKey"), bin(secret(38)), sym("x"), text(sas(39)))))))),
		},
		"amqp garbage": {
			received(amqp(composite(0x10, text(secret(20)), sym(secret(21)), "\x46"))),
			sent(frame(9, 0, secret(22))),
		},
		"amqp binary": {
			sent(amqp(composite(0x10, bin(secret(20)), null, bin(secret(21)))) + amqp(composite(0x18, "\x00"+bin(secret(22))+bin(secret(23))))),
		},
		// What is refused is not quoted.
		"mqtt garbage": {
			received(packet(0x10, mqtt311(0xc2), u16(60), str("d"), str("u"), u16(99), secret(20))),
			sent(packet(0x31, u16(999), secret(21))),
		},
		"http garbage": {
			received(secret(20) + " " + secret(21) + "\r\n\r\n"),
			sent("HTTP/1.1 200 OK\r\n" + secret(22) + "\r\n\r\n"),
		},
		"http cut": {
			received("GET / HTTP/1.1\r\nAuthorization: Bearer " + secret(20)),
			sent("HTTP/1.1 200 OK\r\n\r\n" + `{"primaryKey":"` + secret(21)),
		},
		"http cut in a name": {sent("HTTP/1.1 200 OK\r\n\r\n" + `{"connectionString":"HostName=h;\u0053haredAccessKey=` + secret(20))},
	}
}

func TestNoPlantedSecretIsShownHoweverItIsCut(t *testing.T) {
	for name, conversation := range planted() {
		protocol := transcript.Protocol(strings.Fields(string(name))[0])
		if len(tell(transcript.Server, protocol, 1<<20, conversation...)) == 0 {
			t.Errorf("%s: nothing is told, so nothing is tested", name)
		}
		findSecrets(t, string(name)+" byte by byte", tell(transcript.Server, protocol, 1, conversation...))
		for _, s := range conversation {
			for at := 1; at < len(s.data); at++ {
				head, tail := said{s.dir, s.data[:at]}, said{s.dir, s.data[at:]}
				findSecrets(t, fmt.Sprintf("%s cut at %d", name, at), tell(transcript.Server, protocol, 1<<20, head, tail))
				findSecrets(t, fmt.Sprintf("%s ending at %d", name, at), tell(transcript.Server, protocol, 1<<20, head))
			}
		}
	}
}

func TestWhatIsNoSecretStays(t *testing.T) {
	events := tell(transcript.Server, transcript.HTTP, 1<<20, planted()[transcript.HTTP]...)
	text := strings.Join(lines(events), "\n")
	for _, want := range []string{
		"PUT /a?code=REDACTED&Sig=REDACTED&c%6fde=REDACTED&x=SharedAccessSignature%20sr%3Dh%26sig%3DREDACTED HTTP/1.1",
		"Authorization: SharedAccessSignature sr=h%2Fd&sig=REDACTED&se=1893456000&skn=p",
		"authorization: Bearer REDACTED",
		`"primaryKey":"REDACTED" , "SECONDARYKEY" : "REDACTED"`,
		`HostName=h;SharedAccessKey=REDACTED;x=y`,
		"https://f.example/api?code=REDACTED&a=b",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
}

func TestRedactJSONKeepsWhatHidesNothing(t *testing.T) {
	for _, text := range []string{
		`{"a":1,"b":[true,null,-1.5e3],"c":"x=y&z \"q\" \u00e9"}`,
		`{"primaryKey":"","secondaryKey":null,"tokenCount":5,"key":"k","primaryKeyName":"n"}`,
		`{"query":"SELECT * FROM enrollments","continuation":"abc"}`,
		`{"etag":"\"0000-1\"","registrationId":"token"}`,
		"", "[]", `"token"`, "plain text about a token and its signature", "\xff\xfe", `{"a":`, `"\u00`, `{{{"a"`,
	} {
		if got := string(transcript.RedactJSON([]byte(text))); got != text {
			t.Errorf("%s became %s", text, got)
		}
	}
}

func TestRedactJSONStaysJSON(t *testing.T) {
	var v map[string]any
	if err := json.Unmarshal(transcript.RedactJSON([]byte(everywhere())), &v); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"authenticationKey", "connectionString", "sasToken", "password", "token"} {
		if v[name] != "REDACTED" {
			t.Errorf("%s is %v", name, v[name])
		}
	}
}

func TestRedactText(t *testing.T) {
	s := secret(0)
	for text, want := range map[string]string{
		"sr=a&sig=" + s + "&se=1":                                                       "sr=a&sig=REDACTED&se=1",
		"HostName=h;SharedAccessKeyName=p;SharedAccessKey=" + s + "=":                   "HostName=h;SharedAccessKeyName=p;SharedAccessKey=REDACTED",
		`dial "https://h/?code=` + s + `": refused`:                                     `dial "https://h/?code=REDACTED": refused`,
		"Authorization: Bearer " + s + "==":                                             "Authorization: Bearer REDACTED",
		`{"primaryKey": "` + s + `"}`:                                                   `{"primaryKey": "REDACTED"}`,
		`{\"primaryKey\": \"` + s + `\"}`:                                               `{\"primaryKey\": \"REDACTED\"}`,
		"amqps://policy:" + s + "@h:5671":                                               "amqps://REDACTED@h:5671",
		"a\n-----BEGIN EC PRIVATE KEY-----\n" + s + "\n-----END EC PRIVATE KEY-----\nb": "a\nREDACTED\nb",
		"-----BEGIN PRIVATE KEY-----\n" + s:                                             "REDACTED",
		"--control-token=" + s + " up":                                                  "--control-token=REDACTED up",
		"the bearer token is missing or wrong":                                          "the bearer token is missing or wrong",
		"errorCode=401002 config=a registrationId=dev-01":                               "errorCode=401002 config=a registrationId=dev-01",
		"invalid token: it has no sr":                                                   "invalid token: it has no sr",
	} {
		if got := transcript.RedactText(text); got != want {
			t.Errorf("%q became %q", text, got)
		}
		if got := transcript.RedactText(want); got != want {
			t.Errorf("redacting %q again made %q", want, got)
		}
	}
}

func TestNotesAndLabelsAreRedactedAndOnOneLine(t *testing.T) {
	l := newLog(transcript.Server)
	c := l.Open(transcript.Meta{Service: "a\nb", Peer: "p"})
	c.Registration("d\x1b[2J")
	c.Note("a note\nsig=" + secret(0))
	events := l.Events(transcript.Filter{After: 1})
	findSecrets(t, "note", events)
	if e := events[0]; e.Service != `a\u000ab` || e.Registration != `d\u001b[2J` || e.Summary != `a note\u000asig=REDACTED` {
		t.Errorf("%+v", e)
	}
}

func FuzzRedactJSON(f *testing.F) {
	f.Add(everywhere())
	f.Add(`{"primaryKey":[{"a":"b\\"}],"x":"\ud800"`)
	f.Add(`{"a":"b"}`)
	f.Fuzz(func(t *testing.T, text string) {
		once := transcript.RedactJSON([]byte(text))
		if json.Valid([]byte(text)) && !json.Valid(once) {
			t.Errorf("%q is no longer JSON: %q", text, once)
		}
		planted, _ := json.Marshal(map[string]any{text: 1, "a": []any{map[string]string{"primaryKey": text + "planted" + text}}})
		if len(text) == 0 || strings.Contains(text, "planted") {
			return
		}
		if got := transcript.RedactJSON(planted); strings.Contains(string(got), "planted") {
			t.Errorf("shown: %q", got)
		}
	})
}
