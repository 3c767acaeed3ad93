package transcript_test

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/transcript"
)

// The encodings that the tests need, by hand (OASIS AMQP 1.0, 1.6).

func a8(s string) string   { return "\xa1" + string(rune(len(s))) + s } // short ASCII strings only
func sym(s string) string  { return "\xa3" + string(rune(len(s))) + s }
func bin(s string) string  { return "\xb0" + u32(len(s)) + s }
func text(s string) string { return "\xb1" + u32(len(s)) + s }
func u32(n int) string     { return string(binary.BigEndian.AppendUint32(nil, uint32(n))) }

func compound(code string, items ...string) string {
	content := u32(len(items)) + strings.Join(items, "")
	return code + u32(len(content)) + content
}
func list(items ...string) string { return compound("\xd0", items...) }
func dict(items ...string) string { return compound("\xd1", items...) }

func described(code byte, value string) string {
	return "\x00\x53" + string([]byte{code}) + value
}
func composite(code byte, fields ...string) string { return described(code, list(fields...)) }

// frame is one frame of a type on a channel.
func frame(kind byte, channel int, parts ...string) string {
	body := strings.Join(parts, "")
	return u32(len(body)+8) + "\x02" + string([]byte{kind}) + u16(channel) + body
}
func sasl(parts ...string) string { return frame(1, 0, parts...) }
func amqp(parts ...string) string { return frame(0, 0, parts...) }

const (
	null, yes, no  = "\x40", "\x41", "\x42"
	saslHeader     = "AMQP\x03\x01\x00\x00"
	amqpHeader     = "AMQP\x00\x01\x00\x00"
	someToken      = "SharedAccessSignature sr=s%2Fregistrations%2Fd&sig=c2VjcmV0%3D&se=1893456000&skn=registration"
	shownToken     = "SharedAccessSignature sr=s%2Fregistrations%2Fd&sig=REDACTED&se=1893456000&skn=registration"
	registerAsJSON = `{"registrationId":"d"}`
)

func small(n byte) string { return "\x52" + string([]byte{n}) }

// transfer is one transfer on a handle, with more of it to come or not.
func transfer(handle byte, more string, payload ...string) string {
	return amqp(append([]string{composite(0x14, small(handle), small(0), bin("t"), "\x43", no, more)}, payload...)...)
}

func request(correlation, operation, body string) string {
	return composite(0x73, null, null, null, null, null, correlation) +
		described(0x74, dict(a8("iotdps-operation-type"), a8(operation), a8("iotdps-forceRegistration"), no)) + body
}

func TestAMQP(t *testing.T) {
	long := request("\x98"+strings.Repeat("\x01", 16), "iotdps-register", described(0x75, bin(registerAsJSON)))
	for name, c := range map[string]struct {
		conversation []said
		want         []string
	}{
		"a device registers": {
			[]said{
				received(saslHeader),
				sent(saslHeader + sasl(composite(0x40, compound("\xf0", "\xb3"+u32(5)+"PLAIN", u32(3)+"TPM")))),
				received(sasl(composite(0x41, sym("PLAIN"), bin("\x00s/registrations/d\x00"+someToken)))),
				sent(sasl(composite(0x44, "\x50\x00", bin("Welcome!")))),
				received(amqpHeader + amqp(composite(0x10, a8("c"), a8("h"), "\x70"+u32(65536)))),
				sent(amqpHeader + amqp(composite(0x10, a8("svc")))),
				received(amqp(composite(0x11, null, "\x43", small(100), small(100)))),
				received(amqp(composite(0x12, a8("r"), "\x43", yes, null, null, composite(0x28, a8("s/registrations/d")), composite(0x29), null, null, null, null, null, null,
					dict(sym("com.microsoft:api-version"), a8("2019-03-31"))))),
				received(amqp(composite(0x13, "\x43", small(100), "\x43", small(100), "\x43", "\x43", small(50)))),
				received(transfer(1, no, request(a8("c-1"), "iotdps-register", described(0x75, bin(registerAsJSON))))),
				sent(amqp(composite(0x15, yes, "\x43", null, yes, described(0x24, "\x45")))),
				sent(transfer(0, no, composite(0x73, null, null, null, null, null, a8("c-1"))+described(0x74, dict(a8("retry-after"), "\x54\x03"))+described(0x75, bin("{}")))),
				received(amqp(composite(0x18))),
			}, []string{
				"received: header sasl 1.0.0",
				"sent: header sasl 1.0.0",
				"sent: sasl-mechanisms [PLAIN TPM]",
				"received: sasl-init PLAIN | user: s/registrations/d | password: " + shownToken,
				"sent: sasl-outcome code=0 additional-data=8 bytes",
				"received: header amqp 1.0.0",
				`received: open ch=0 container-id="c" hostname="h" max-frame-size=65536`,
				"sent: header amqp 1.0.0",
				`sent: open ch=0 container-id="svc"`,
				"received: begin ch=0 next-outgoing-id=0 incoming-window=100 outgoing-window=100",
				`received: attach ch=0 name="r" handle=0 role=receiver | source: address="s/registrations/d" | target: | properties: com.microsoft:api-version="2019-03-31"`,
				"received: flow ch=0 next-incoming-id=0 incoming-window=100 next-outgoing-id=0 outgoing-window=100 handle=0 delivery-count=0 link-credit=50",
				`received: transfer ch=0 handle=1 delivery-id=0 delivery-tag=1 bytes message-format=0 settled=false more=false 131 bytes | properties: correlation-id="c-1" | application-properties: iotdps-operation-type="iotdps-register" iotdps-forceRegistration=false | data: 22 bytes || {"registrationId":"d"}`,
				"sent: disposition ch=0 role=receiver first=0 settled=true state=accepted",
				`sent: transfer ch=0 handle=0 delivery-id=0 delivery-tag=1 bytes message-format=0 settled=false more=false 59 bytes | properties: correlation-id="c-1" | application-properties: retry-after=int:3 | data: 2 bytes || {}`,
				"received: close ch=0",
			},
		},
		"SASL TPM": {
			[]said{
				received(sasl(composite(0x41, sym("TPM"), bin("\x00s\x00d\x00"+"\x00\x3a\x00\x01"), a8("s/registrations/d")))),
				sent(sasl(composite(0x42, bin("\x00")))), received(sasl(composite(0x43, bin("\x00"+"root key")))),
				sent(sasl(composite(0x42, bin("\x80half"))) + sasl(composite(0x42, bin("\xc1"+"other")))),
				received(sasl(composite(0x43, bin("\x00"+someToken))) + sasl(composite(0x43, bin("no control byte")))),
			}, []string{
				`received: sasl-init TPM hostname="s/registrations/d" | id scope: s | registration: d | endorsement key: 4 bytes`,
				"sent: sasl-challenge control=0x00 1 bytes", "received: sasl-response control=0x00 9 bytes",
				"sent: sasl-challenge control=0x80 5 bytes", "sent: sasl-challenge control=0xc1 6 bytes",
				"received: sasl-response control=0x00 94 bytes", "received: sasl-response 15 bytes",
			},
		},
		"a rejection": {
			[]said{sent(amqp(composite(0x15, yes, "\x43", "\x43", yes, composite(0x25, composite(0x1d, sym("amqp:unauthorized-access"),
				text(`{"errorCode":401002,"message":"Unauthorized"}`), dict(sym("retry-after"), a8("5")))))))},
			[]string{`sent: disposition ch=0 role=receiver first=0 last=0 settled=true state=rejected | rejected: error=error condition=amqp:unauthorized-access description="{\"errorCode\":401002,\"message\":\"Unauthorized\"}" info={retry-after="5"}`},
		},
		"a detach and an end": {
			[]said{sent(frame(0, 3, composite(0x16, small(1), yes, composite(0x1d, sym("amqp:not-found")))) + frame(0, 3, composite(0x17)))},
			[]string{"sent: detach ch=3 handle=1 closed=true | error: condition=amqp:not-found", "sent: end ch=3"},
		},
		"a message in three transfers, another between": {
			[]said{received(transfer(1, yes, long[:40]) + transfer(2, no, described(0x77, a8("x"))) + transfer(1, yes, long[40:90]) + transfer(1, no, long[90:]))},
			[]string{
				"received: transfer ch=0 handle=1 delivery-id=0 delivery-tag=1 bytes message-format=0 settled=false more=true 40 bytes",
				`received: transfer ch=0 handle=2 delivery-id=0 delivery-tag=1 bytes message-format=0 settled=false more=false 6 bytes | amqp-value: "x"`,
				"received: transfer ch=0 handle=1 delivery-id=0 delivery-tag=1 bytes message-format=0 settled=false more=true 50 bytes",
				`received: transfer ch=0 handle=1 delivery-id=0 delivery-tag=1 bytes message-format=0 settled=false more=false 53 bytes | properties: correlation-id=uuid:01010101-0101-0101-0101-010101010101 | application-properties: iotdps-operation-type="iotdps-register" iotdps-forceRegistration=false | data: 22 bytes || {"registrationId":"d"}`,
			},
		},
		"put-token": {
			[]said{received(amqp(composite(0x12, a8("c"), small(4), no, null, null, composite(0x28), composite(0x29, a8("$cbs")))) +
				transfer(4, no, described(0x74, dict(a8("operation"), a8("put-token"), a8("name"), a8("h/devices/d")))+described(0x77, text(someToken))))},
			[]string{
				`received: attach ch=0 name="c" handle=4 role=sender | source: | target: address="$cbs"`,
				`received: transfer ch=0 handle=4 delivery-id=0 delivery-tag=1 bytes message-format=0 settled=false more=false 154 bytes | application-properties: operation="put-token" name="h/devices/d" | amqp-value: "` + shownToken + `"`,
			},
		},
		"symbolic descriptors, every type of value": {
			[]said{received(amqp("\x00" + sym("amqp:open:list") + list(a8("c"), null, null, null, null, null, null, null, null,
				dict(sym("a"), "\x50\x07", sym("b"), "\x61\xff\xfe", sym("c"), "\x72\x3f\xc0\x00\x00", sym("d"), "\x83"+strings.Repeat("\x00", 7)+"\x05",
					sym("e"), list(yes, null, "\x45"), sym("f"), "\x00"+sym("x:y")+a8("z"), sym("g"), "\x73\x00\x00\x00\x41", sym("h"), bin("12"), "\x52\x05", "\x82"+strings.Repeat("\x00", 8)))))},
			[]string{`received: open ch=0 container-id="c" | properties: a=ubyte:7 b=short:-2 c=float:1.5 d=timestamp:5 e=[true null []] f=x:y@"z" g=char:'A' h=2 bytes uint:5=double:0`},
		},
		"empty frames, other layers, more fields": {
			[]said{received(amqp() + "AMQP\x02\x01\x00\x00" + "AMQP\x09\x01\x00\x00" + amqp(composite(0x18, null, null)))},
			[]string{"received: empty frame ch=0", "received: header tls 1.0.0", "received: header protocol 9 1.0.0", "received: close ch=0 | and 1 fields more than AMQP has in it"},
		},
		"a message that is none": {
			[]said{received(transfer(1, no, described(0x75, bin("a")), a8("b")) + transfer(1, no, "\x00\x53\x75\xb0\x00") + transfer(1, no, described(0x79, list())))},
			[]string{
				"received: transfer ch=0 handle=1 delivery-id=0 delivery-tag=1 bytes message-format=0 settled=false more=false 12 bytes | data: 1 bytes | the rest of the message is no section of AMQP's || a",
				"received: transfer ch=0 handle=1 delivery-id=0 delivery-tag=1 bytes message-format=0 settled=false more=false 5 bytes | the rest of the message has a value that reaches past its end",
				"received: transfer ch=0 handle=1 delivery-id=0 delivery-tag=1 bytes message-format=0 settled=false more=false 12 bytes | the rest of the message is no section of AMQP's",
			},
		},
		"closed inside a frame":  {[]said{received(amqp(composite(0x18))[:10])}, []string{"received: note closed inside an AMQP frame, after 10 bytes of it"}},
		"closed inside a header": {[]said{received("AMQ")}, []string{"received: note closed inside an AMQP frame, after 3 bytes of it"}},
	} {
		t.Run(name, func(t *testing.T) { check(t, transcript.Server, transcript.AMQP, c.conversation, c.want) })
	}
}

func TestAMQPGarbageGivesTheDirectionUp(t *testing.T) {
	for name, c := range map[string]struct{ data, why string }{
		"a size of 7":                  {"\x00\x00\x00\x07\x02\x00\x00\x00", "an AMQP frame shorter than its header"},
		"a body before its header":     {"\x00\x00\x00\x08\x01\x00\x00\x00", "an AMQP frame whose body begins outside of it"},
		"a body past the end":          {"\x00\x00\x00\x08\x03\x00\x00\x00", "an AMQP frame whose body begins outside of it"},
		"a type of 2":                  {frame(2, 0, composite(0x18)), "an AMQP frame of the unknown type 2"},
		"HTTP":                         {"GET / HTTP/1.1\r\n\r\n", "an AMQP frame of the unknown type 32"},
		"no performative":              {amqp(a8("x")), "an AMQP frame that begins with no performative"},
		"a performative of nobody":     {amqp(composite(0x55)), "an AMQP frame that begins with no performative"},
		"a performative that is a map": {amqp(described(0x10, dict())), "an AMQP frame that begins with no performative"},
		"a section as performative":    {amqp(composite(0x73)), "an AMQP frame that begins with no performative"},
		"an open in SASL":              {sasl(composite(0x10, a8("c"))), "a open in a frame of the other type"},
		"a sasl-init in AMQP":          {amqp(composite(0x41, sym("PLAIN"))), "a sasl-init in a frame of the other type"},
		"an unknown constructor":       {amqp("\x00\x53\x10\x46"), "an AMQP frame with the unknown constructor 0x46"},
		"an unknown wide one":          {amqp("\x00\x53\x10\xc5\x01\x00"), "an AMQP frame with the unknown constructor 0xc5"},
		"a string that is no text":     {amqp(composite(0x10, a8("\xff"))), "an AMQP frame with no text, or the unknown constructor 0xa1"},
		"a list past the end":          {amqp("\x00\x53\x10\xd0\x00\x00\x00\x09\x00\x00\x00\x01\x40"), "an AMQP frame with a value that reaches past its end"},
		"a list of less":               {amqp("\x00\x53\x10\xc0\x03\x01\x40\x40"), "an AMQP frame with bytes behind the last item of a list"},
		"half a map":                   {amqp(composite(0x10, dict(a8("a")))), "an AMQP frame with a map with a key that has no value"},
		"an array of described":        {amqp(composite(0x10, compound("\xf0", "\x00\x53\x01\x40"))), "an AMQP frame with an array of described values"},
		"a bad boolean":                {amqp(composite(0x10, "\x56\x02")), "an AMQP frame with a boolean that is neither"},
		"nothing but descriptors":      {amqp(strings.Repeat("\x00", 5000)), "an AMQP frame with values too deep within values"},
		"lists in lists":               {amqp("\x00\x53\x10" + nested(100)), "an AMQP frame with too many values, or too deep within values"},
		"arrays of nothing":            {amqp(composite(0x10, "\xf0\x00\x00\x00\x05\xff\xff\xff\xff\x40")), "an AMQP frame with too many values, or too deep within values"},
	} {
		t.Run(name, func(t *testing.T) {
			check(t, transcript.Server, transcript.AMQP, []said{received(c.data + amqp()), sent(amqp())},
				[]string{"received: garbage " + c.why + "; the rest of this direction is not decoded", "sent: empty frame ch=0"})
		})
	}
}

func nested(n int) string {
	if n == 0 {
		return null
	}
	return list(nested(n - 1))
}

func TestALongAMQPMessageIsCutAndTheNextFrameIsFound(t *testing.T) {
	long := described(0x75, bin(strings.Repeat("a", 300<<10)))
	for name, data := range map[string]string{
		"in one frame":   transfer(1, no, long),
		"in three":       transfer(1, yes, long[:100<<10]) + transfer(1, yes, long[100<<10:200<<10]) + transfer(1, no, long[200<<10:]),
		"a performative": amqp(composite(0x10, text(strings.Repeat("b", 300<<10)))),
	} {
		events := tell(transcript.Server, transcript.AMQP, 1500, received(data+amqp()))
		last := events[len(events)-2]
		if events[len(events)-1].Summary != "empty frame ch=0" || len(last.Body) > 17<<10 || !strings.Contains(last.Body, "[cut:") && !strings.Contains(last.Summary, "too long") {
			t.Errorf("%s: %d events, the last with a body of %d: %s %s", name, len(events), len(last.Body), last.Summary, last.Lines)
		}
	}
}

// What could be a token is not told when it is no longer known which link is whose.
func TestNothingIsPutTogetherWhenTooMuchIsOpen(t *testing.T) {
	var open strings.Builder
	for handle := range 70 {
		open.WriteString(transfer(byte(handle), yes, described(0x75, bin("begun "))[:8]))
	}
	open.WriteString(transfer(200, no, described(0x75, bin("whole"))))
	told := lines(tell(transcript.Server, transcript.AMQP, 1<<20, received(open.String())))
	if last := told[len(told)-1]; strings.Contains(last, "whole") || !strings.Contains(last, "too much is open") {
		t.Errorf("%s", last)
	}
	if slices.ContainsFunc(told, func(s string) bool { return strings.Contains(s, "begun") }) {
		t.Error("half a message is told")
	}
}

func FuzzAMQP(f *testing.F) {
	f.Add([]byte(saslHeader+sasl(composite(0x41, sym("PLAIN"), bin("\x00u\x00p")))+amqpHeader+amqp(composite(0x10, a8("c")))), []byte(amqp()), uint8(3))
	f.Add([]byte(transfer(1, yes, "\x00\x53\x75")+transfer(1, no, bin("{}"))), []byte(sasl(composite(0x44, "\x50\x00"))), uint8(0))
	f.Add([]byte(amqp(composite(0x12, a8("c"), small(4), no, null, null, composite(0x28), composite(0x29, a8("$cbs"))))+transfer(4, no, described(0x77, a8("jwt")))), []byte(amqp("\x00"+sym("amqp:close:list")+list())), uint8(200))
	f.Add([]byte(amqp(composite(0x15, yes, "\x43", "\x43", yes, composite(0x25, composite(0x1d, sym("a"), a8("b"), dict(sym("c"), a8("d"))))))), []byte("GET / HTTP/1.1\r\n\r\n"), uint8(9))
	f.Fuzz(func(t *testing.T, in, out []byte, n uint8) { fuzz(t, transcript.AMQP, in, out, int(n)+1) })
}
