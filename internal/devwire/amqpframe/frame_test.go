package amqpframe_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/onsi/gomega/format"
)

func TestFieldsAreFoundByName(t *testing.T) {
	attach := amqpframe.New("attach", amqpframe.Fields{
		"name": "l", "handle": 3, "role": true, "snd-settle-mode": 1, "source": amqpframe.New("source", amqpframe.Fields{"address": "a"}),
		"properties": amqpframe.Properties("com.microsoft:api-version", "v"), "offered-capabilities": []string{"A", "B"},
	})
	for _, d := range []*amqpframe.Described{attach, attach.Symbolic(), roundTrip(t, attach), roundTrip(t, attach.Symbolic())} {
		properties, _ := d.Field("properties").(amqpframe.Map)
		version, _ := properties.Get(amqpframe.Symbol("com.microsoft:api-version"))
		handle, ok := d.Number("handle")
		if d.Name() != "attach" || d.Text("name") != "l" || d.Field("handle") != uint32(3) || handle != 3 || !ok ||
			d.Field("role") != true || d.Field("snd-settle-mode") != uint8(1) || d.Inner("source").Text("address") != "a" ||
			d.Inner("target") != nil || d.Inner("target").Text("address") != "" || version != "v" ||
			!reflect.DeepEqual(d.Symbols("offered-capabilities"), []string{"A", "B"}) || d.Field("no such") != nil {
			t.Errorf("%s", d)
		}
	}
	if d := roundTrip(t, amqpframe.New("sasl-init", amqpframe.Fields{"mechanism": "PLAIN"})); d.Field("mechanism") != amqpframe.Symbol("PLAIN") {
		t.Errorf("%s", d)
	}
}

func roundTrip(t *testing.T, d *amqpframe.Described) *amqpframe.Described {
	t.Helper()
	b, err := amqpframe.Encode(d)
	if err != nil {
		t.Fatal(err)
	}
	v, _, err := amqpframe.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	return v.(*amqpframe.Described)
}

func TestFrames(t *testing.T) {
	for name, c := range map[string]struct {
		f   amqpframe.Frame
		hex string
	}{
		"empty":       {amqpframe.Empty(), "0000000802000000"},
		"header":      {amqpframe.Layer(amqpframe.HeaderSASL), "414d515003010000"},
		"open":        {amqpframe.On(0, amqpframe.New("open", amqpframe.Fields{"container-id": "c"})), "0000001102000000" + "005310c00401a10163"},
		"disposition": {amqpframe.On(2, amqpframe.New("accepted", nil)), "0000000c02000002" + "00532445"},
		"sasl":        {amqpframe.SASL(amqpframe.New("sasl-outcome", amqpframe.Fields{"code": 0})), "0000001002010000" + "005344c003015000"},
		"transfer":    {amqpframe.On(1, amqpframe.New("transfer", amqpframe.Fields{"handle": 0}), []byte{0xca}, []byte{0xfe}), "0000001102000001" + "005314c0020143cafe"},
		"extended":    {amqpframe.Frame{Extended: []byte{1, 2, 3, 4}, Body: amqpframe.New("close", nil)}, "0000001003000000" + "01020304" + "00531845"},
	} {
		b, err := c.f.Append([]byte("x"))
		if err != nil || hex.EncodeToString(b[1:]) != c.hex {
			t.Errorf("%s: %x, %v, want %s", name, b, err, c.hex)
		}
		r := bytes.NewReader(append(b[1:], 0xff))
		got, err := amqpframe.Read(r, 1<<10)
		if err != nil || !reflect.DeepEqual(got, c.f) || r.Len() != 1 {
			t.Errorf("%s came back as %s, %v, with %d bytes left", name, got, err, r.Len())
		}
	}
}

func TestWhatIsNoFrame(t *testing.T) {
	for name, text := range map[string]string{
		"too short a size":     "0000000702000000",
		"over the limit":       "0000040102000000",
		"HTTP":                 hex.EncodeToString([]byte("HTTP/1.1 400 Bad Request")),
		"TLS":                  "1503030002022800",
		"an offset of 1":       "0000000801000000",
		"an offset past it":    "0000000803000000",
		"a type of 2":          "0000000c0202000000532445",
		"a body not described": "000000090200000040",
		"a body cut short":     "0000000a020000000053",
	} {
		b, _ := hex.DecodeString(text)
		var malformed *amqpframe.Malformed
		if f, err := amqpframe.Read(bytes.NewReader(b), 1<<10); !errors.As(err, &malformed) {
			t.Errorf("%s: %s, %v", name, f, err)
		}
	}
	if _, err := amqpframe.Read(bytes.NewReader(nil), 1<<10); err != io.EOF {
		t.Errorf("between frames: %v", err)
	}
	for n := 1; n < 12; n++ {
		b, _ := hex.DecodeString("0000000c0200000000532445")
		if _, err := amqpframe.Read(bytes.NewReader(b[:n]), 1<<10); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("after %d bytes of a frame: %v", n, err)
		}
	}
}

func TestMessages(t *testing.T) {
	m := amqpframe.Message{
		amqpframe.New("properties", amqpframe.Fields{"correlation-id": amqpframe.UUID{1}, "content-type": "application/json"}),
		amqpframe.Application("iotdps-operation-type", "iotdps-register", "n", int32(3)),
		amqpframe.Annotations("status", int32(200)),
		amqpframe.Data("a"), amqpframe.Data("b"),
	}
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := amqpframe.ParseMessage(b)
	if err != nil || !reflect.DeepEqual(got, m) {
		t.Fatalf("%s, %v", got, err)
	}
	operation, _ := got.Application("iotdps-operation-type")
	status, _ := got.Annotation("status")
	_, found := got.Application("status")
	if got.Property("correlation-id") != (amqpframe.UUID{1}) || operation != "iotdps-register" || status != int32(200) || found ||
		string(bytes.Join(got.Data(), []byte("|"))) != "a|b" || got.Section("footer") != nil ||
		got.Property("content-type") != amqpframe.Symbol("application/json") {
		t.Errorf("%s", got)
	}
	for name, b := range map[string][]byte{"not described": {0x40}, "cut": b[:len(b)-1]} {
		if _, err := amqpframe.ParseMessage(b); err == nil {
			t.Errorf("%s: was read", name)
		}
	}
	if _, err := (amqpframe.Message{amqpframe.New("nothing", nil)}).Encode(); err == nil {
		t.Error("a message without a section was written")
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	const secret = "zQxWvkJhpYbqXz"
	token := "SharedAccessSignature sr=s&sig=" + secret + "&se=1"
	init := amqpframe.SASL(amqpframe.New("sasl-init", amqpframe.Fields{"mechanism": "PLAIN", "initial-response": []byte("\x00u\x00" + secret)}))
	response := amqpframe.SASL(amqpframe.New("sasl-response", amqpframe.Fields{"response": []byte(secret)}))
	put := amqpframe.Message{amqpframe.Value(token), amqpframe.Data(`{"primaryKey":"` + secret + `"}`)}
	payload, err := put.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{init, &init, init.Body, response, put, put[0], amqpframe.On(0, amqpframe.New("transfer", nil), payload), []any{struct{ F any }{init}}} {
		text := fmt.Sprintf("%v %+v %#v %s %x %q", v, v, v, v, v, v) + format.Object(v, 1)
		if strings.Contains(text, secret) || strings.Contains(text, hex.EncodeToString([]byte(secret))) {
			t.Errorf("shown: %s", text)
		}
	}
	if got := init.String(); got != `sasl-init mechanism="PLAIN" initial-response=(hidden)` {
		t.Errorf("%s", got)
	}
}
