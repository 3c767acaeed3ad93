package transcript_test

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/dpslab/dpslab/internal/transcript"
)

// packet writes a packet: a type and flags byte, and the parts of its body.
func packet(head byte, parts ...string) string {
	body := strings.Join(parts, "")
	out := []byte{head}
	for n := len(body); ; {
		digit := byte(n & 0x7f)
		if n >>= 7; n > 0 {
			digit |= 0x80
		}
		out = append(out, digit)
		if n == 0 {
			return string(out) + body
		}
	}
}

func u16(n int) string      { return string(binary.BigEndian.AppendUint16(nil, uint16(n))) }
func str(s string) string   { return u16(len(s)) + s }
func mqtt311(s byte) string { return str("MQTT") + "\x04" + string([]byte{s}) }

func TestMQTT(t *testing.T) {
	const token = "SharedAccessSignature sr=s%2Fregistrations%2Fd&sig=c2VjcmV0%3D&se=1893456000&skn=registration"
	for name, c := range map[string]struct {
		conversation []said
		want         []string
	}{
		"a device registers": {
			[]said{
				received(packet(0x10, mqtt311(0xc2), u16(60), str("d"), str("s/registrations/d/api-version=2019-03-31&ClientVersion=a%2Fb"), str(token))),
				sent(packet(0x20, "\x00\x00")),
				received(packet(0x82, u16(1), str("$dps/registrations/res/#"), "\x01")),
				sent(packet(0x90, u16(1), "\x01")),
				received(packet(0x32, str("$dps/registrations/PUT/iotdps-register/?$rid=7"), u16(2), `{"registrationId":"d"}`)),
				sent(packet(0x40, u16(2))),
				sent(packet(0x32, str("$dps/registrations/res/202/?$rid=7&retry-after=3"), u16(3), `{}`)),
				received(packet(0x40, u16(3)) + packet(0xa2, u16(4), str("$dps/registrations/res/#")) + packet(0xe0)),
				sent(packet(0xb0, u16(4))),
			}, []string{
				`received: CONNECT client="d" clean=1 keep-alive=60 | username: s/registrations/d/api-version=2019-03-31&ClientVersion=a%2Fb | password: SharedAccessSignature sr=s%2Fregistrations%2Fd&sig=REDACTED&se=1893456000&skn=registration`,
				"sent: CONNACK code=0 session-present=0",
				"received: SUBSCRIBE pid=1 $dps/registrations/res/# q1",
				"sent: SUBACK pid=1 q1",
				`received: PUBLISH q1 pid=2 $dps/registrations/PUT/iotdps-register/?$rid=7 || {"registrationId":"d"}`,
				"sent: PUBACK pid=2",
				"sent: PUBLISH q1 pid=3 $dps/registrations/res/202/?$rid=7&retry-after=3 || {}",
				"received: PUBACK pid=3",
				"received: UNSUBSCRIBE pid=4 $dps/registrations/res/#",
				"received: DISCONNECT",
				"sent: UNSUBACK pid=4",
			},
		},
		"every other packet": {
			[]said{received(packet(0xc0) + packet(0x50, u16(1)) + packet(0x62, u16(2)) + packet(0x70, u16(3)) + packet(0x3d, str("t"), u16(9)) + packet(0x30, str("a/b"), "x")),
				sent(packet(0xd0) + packet(0x90, u16(1), "\x00\x01\x02\x80") + packet(0x20, "\x01\x05"))},
			[]string{"received: PINGREQ", "received: PUBREC pid=1", "received: PUBREL pid=2", "received: PUBCOMP pid=3",
				"received: PUBLISH q2 dup retain pid=9 t", "received: PUBLISH q0 a/b || x",
				"sent: PINGRESP", "sent: SUBACK pid=1 q0 q1 q2 refused", "sent: CONNACK code=5 session-present=1"},
		},
		"will, no credentials": {
			[]said{received(packet(0x10, mqtt311(0x2c), u16(0), str(""), str("t"), str("gone")))},
			[]string{`received: CONNECT client="" clean=0 keep-alive=0 | will: q1 retain=1 t, 4 bytes`},
		},
		"a password that is no token": {
			[]said{received(packet(0x10, mqtt311(0xc0), u16(0), str("d"), str("u"), str("open sesame")))},
			[]string{`received: CONNECT client="d" clean=0 keep-alive=0 | username: u | password: REDACTED`},
		},
		"MQTT 5": {
			[]said{received(packet(0x10, str("MQTT")+"\x05\x02", u16(0), "\x00", str("d")) + packet(0xc0)), sent(packet(0x20, "\x00\x01"))},
			[]string{"received: CONNECT level=5 | only MQTT 3.1.1 is decoded; the rest of this direction is not", "sent: CONNACK code=1 session-present=0"},
		},
		"MQTT 3.1": {
			[]said{received(packet(0x10, str("MQIsdp")+"\x03\x02", u16(0), str("d")))},
			[]string{`received: CONNECT client="d" clean=1 keep-alive=0 level=3`},
		},
		"closed inside a packet": {
			[]said{received(packet(0x30, str("t"), "abc")[:6])},
			[]string{"received: note closed inside an MQTT packet, after 6 bytes of a PUBLISH"},
		},
		"control characters": {
			[]said{received(packet(0x30, str("a\nb\x00\xff"), "\x00\xff\n"))},
			[]string{`received: PUBLISH q0 a\u000ab\u0000\xff || \u0000\xff` + "\n"},
		},
	} {
		t.Run(name, func(t *testing.T) { check(t, transcript.Server, transcript.MQTT, c.conversation, c.want) })
	}
}

func TestMQTTGarbageGivesTheDirectionUp(t *testing.T) {
	for name, c := range map[string]struct{ data, why string }{
		"reserved type 0":            {packet(0x00), "an MQTT packet of the reserved type 0"},
		"reserved type 15":           {packet(0xf0), "an MQTT packet of the reserved type 15"},
		"HTTP":                       {"GET / HTTP/1.1\r\n\r\n", "a PUBACK with flags 0x7, which must be 0x0"},
		"SUBSCRIBE with flags 0":     {packet(0x80, u16(1), str("a"), "\x00"), "a SUBSCRIBE with flags 0x0, which must be 0x2"},
		"PUBLISH with QoS 3":         {packet(0x36, str("a"), u16(1)), "a PUBLISH with QoS 3"},
		"remaining length too long":  {"\x30\xff\xff\xff\xff\x01", "an MQTT packet whose remaining length has more than four bytes"},
		"topic past the end":         {packet(0x30, u16(9), "a"), "a PUBLISH with a field that reaches past the end of the packet"},
		"packet id past the end":     {packet(0x32, str("a"), "\x00"), "a PUBLISH with a field that reaches past the end of the packet"},
		"CONNECT cut":                {packet(0x10, mqtt311(0xc2), u16(60), str("d"), str("u")), "a CONNECT with a field that reaches past the end of the packet"},
		"CONNECT too long":           {packet(0x10, mqtt311(0x02), u16(60), str("d"), "x"), "a CONNECT with 1 bytes more than MQTT 3.1.1 has in it"},
		"CONNECT with reserved flag": {packet(0x10, mqtt311(0x03), u16(60), str("d")), "a CONNECT with its reserved flag set"},
		"CONNECT of AMQP":            {packet(0x10, str("AMQP"), "\x04\x02", u16(0), str("d")), "a CONNECT of another protocol"},
		"PUBACK of MQTT 5":           {packet(0x40, u16(1), "\x00\x00"), "a PUBACK with 2 bytes more than MQTT 3.1.1 has in it"},
		"SUBSCRIBE without a filter": {packet(0x82, u16(1)), "a SUBSCRIBE without a filter"},
		"SUBSCRIBE for QoS 3":        {packet(0x82, u16(1), str("a"), "\x03"), "a SUBSCRIBE that asks for a QoS above 2"},
		"SUBACK with a strange code": {packet(0x90, u16(1), "\x03"), "a SUBACK with the return code 0x3"},
		"PINGREQ with a body":        {packet(0xc0, "x"), "a PINGREQ with 1 bytes more than MQTT 3.1.1 has in it"},
	} {
		t.Run(name, func(t *testing.T) {
			check(t, transcript.Server, transcript.MQTT, []said{received(c.data + packet(0xc0)), sent(packet(0xd0))},
				[]string{"received: garbage " + c.why + "; the rest of this direction is not decoded", "sent: PINGRESP"})
		})
	}
}

func TestALongPayloadIsCutAndTheNextPacketIsFound(t *testing.T) {
	events := tell(transcript.Server, transcript.MQTT, 1500, received(packet(0x30, str("t"), strings.Repeat("a", 300<<10))+packet(0xc0)))
	if len(events) != 2 || len(events[0].Body) > 17<<10 || !strings.HasSuffix(events[0].Body, "[cut: 307200 bytes in all]") || events[1].Summary != "PINGREQ" {
		t.Fatalf("%d events, body of %d", len(events), len(events[0].Body))
	}
}

func FuzzMQTT(f *testing.F) {
	f.Add([]byte(packet(0x10, mqtt311(0xee), u16(60), str("d"), str("t"), str("w"), str("u"), str("p"))+packet(0x32, str("t?sig=x"), u16(1), "{}")), []byte(packet(0x20, "\x00\x00")+packet(0x90, u16(1), "\x01\x80")), uint8(2))
	f.Add([]byte(packet(0x82, u16(1), str("a"), "\x01", str("b"), "\x00")), []byte("\x30\xff\xff\xff\x7f"), uint8(0))
	f.Add([]byte(packet(0xa2, u16(1), str("a"))), []byte("GET / HTTP/1.1\r\n\r\n"), uint8(200))
	f.Fuzz(func(t *testing.T, in, out []byte, n uint8) { fuzz(t, transcript.MQTT, in, out, int(n)+1) })
}

// fuzz tells a conversation whole and in pieces: both must tell the same, and nothing
// that a terminal would obey.
func fuzz(t *testing.T, p transcript.Protocol, in, out []byte, n int) {
	if len(in)+len(out) > 16<<10 {
		t.Skip("in single bytes this is more than a log keeps of one connection")
	}
	whole := tell(transcript.Server, p, 1<<20, received(string(in)), sent(string(out)))
	if pieces := tell(transcript.Server, p, n, received(string(in)), sent(string(out))); !slices.Equal(lines(whole), lines(pieces)) {
		t.Errorf("whole:\n%q\nin pieces of %d:\n%q", lines(whole), n, lines(pieces))
	}
	for _, e := range whole {
		for i, text := range append([]string{e.Body, e.Summary}, e.Lines...) {
			if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && (i > 0 || r != '\n' && r != '\t') || r == 0x7f }) {
				t.Errorf("shown as %q", text)
			}
		}
	}
}
