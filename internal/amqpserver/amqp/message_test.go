package amqp_test

import (
	"bytes"
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	goamqp "github.com/Azure/go-amqp"

	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

var messages = []struct {
	name    string
	message amqp.Message
	wire    string
}{
	{"a poll without a body", amqp.Message{ApplicationProperties: amqp.Map{
		{"iotdps-operation-type", "iotdps-get-operationstatus"}, {"iotdps-operation-id", "5.x"},
	}}, "00 53 74 {04 a1 15 'iotdps-operation-type' a1 1a 'iotdps-get-operationstatus' a1 13 'iotdps-operation-id' a1 03 '5.x'}"},
	{"an answer of DPS", amqp.Message{
		Properties: &amqp.Properties{CorrelationID: "c-1"}, ApplicationProperties: amqp.Map{{"retry-after", int32(3)}},
		Body: amqp.Data{[]byte(`{"status":"assigning"}`)},
	}, "00 53 73 [06 40 40 40 40 40 a1 03 'c-1'] 00 53 74 {02 a1 0b 'retry-after' 54 03} 00 53 75 a0 16 '{\"status\":\"assigning\"}'"},
	{"an answer of CBS", amqp.Message{
		Properties: &amqp.Properties{CorrelationID: uuid}, ApplicationProperties: amqp.Map{{"status-code", int32(200)}, {"status-description", "OK"}},
		Body: amqp.Single{},
	}, "00 53 73 [06 40 40 40 40 40 98 f81d4fae7dec11d0a76500a0c91e6bf6] 00 53 74 {04 a1 0b 'status-code' 71 000000c8 a1 12 'status-description' a1 02 'OK'}" +
		"00 53 77 40"},
	{"an answer of the twin", amqp.Message{
		MessageAnnotations: amqp.Map{{amqp.Symbol("status"), int32(200)}, {amqp.Symbol("version"), int64(1)}},
		Properties:         &amqp.Properties{CorrelationID: "Get1"}, Body: amqp.Data{[]byte("{}")},
	}, "00 53 72 {04 a3 06 'status' 71 000000c8 a3 07 'version' 55 01} 00 53 73 [06 40 40 40 40 40 a1 04 'Get1'] 00 53 75 a0 02 '{}'"},
	{"a batch", amqp.Message{Body: amqp.Data{[]byte("one"), {}, []byte("three")}}, "00 53 75 a0 03 'one' 00 53 75 a0 00 00 53 75 a0 05 'three'"},
	{"every section, every field", amqp.Message{
		Header:              &amqp.Header{Durable: true, Priority: 0, TTL: amqp.Some(uint32(1000)), FirstAcquirer: true, DeliveryCount: 2},
		DeliveryAnnotations: amqp.Map{{amqp.Symbol("d"), nil}},
		MessageAnnotations:  amqp.Map{{uint64(1), true}},
		Properties: &amqp.Properties{
			MessageID: uint64(7), UserID: []byte("u"), To: "t", Subject: "s", ReplyTo: "r", CorrelationID: []byte{1}, ContentType: "ct", ContentEncoding: "ce",
			AbsoluteExpiryTime: amqp.Some(amqp.Timestamp(1)), CreationTime: amqp.Some(amqp.Timestamp(0)),
			GroupID: "g", GroupSequence: amqp.Some(uint32(0)), ReplyToGroupID: "rg",
		},
		ApplicationProperties: amqp.Map{},
		Body:                  amqp.Sequences{amqp.List{int32(1)}, amqp.List{}},
		Footer:                amqp.Map{{amqp.Symbol("f"), []byte{2}}},
	}, "00 53 70 [05 41 50 00 70 000003e8 41 52 02] 00 53 71 {02 a3 01 'd' 40} 00 53 72 {02 53 01 41}" +
		"00 53 73 [0d 53 07 a0 01 'u' a1 01 't' a1 01 's' a1 01 'r' a0 01 01 a3 02 'ct' a3 02 'ce'" +
		"83 0000000000000001 83 0000000000000000 a1 01 'g' 43 a1 02 'rg']" +
		"00 53 74 {00} 00 53 76 [01 54 01] 00 53 76 45 00 53 78 {02 a3 01 'f' a0 01 02}"},
	{"a header of defaults", amqp.Message{Header: &amqp.Header{Priority: 4}, Properties: &amqp.Properties{}, Body: amqp.Single{Value: "v"}},
		"00 53 70 45 00 53 73 45 00 53 77 a1 01 'v'"},
	{"nothing", amqp.Message{}, ""},
}

func TestMessages(t *testing.T) {
	for _, c := range messages {
		t.Run(c.name, func(t *testing.T) {
			wire := unhex(t, c.wire)
			got, err := c.message.Append([]byte("before"))
			if err != nil || !bytes.Equal(got, append([]byte("before"), wire...)) {
				t.Errorf("written as % x, %v", got[6:], err)
			}
			message, err := amqp.ReadMessage(wire)
			if err != nil || !reflect.DeepEqual(*message, c.message) {
				t.Errorf("read as %#v, %v", message, err)
			}
		})
	}
}

func TestMalformedMessages(t *testing.T) {
	for _, c := range []struct{ rule, wire, want string }{
		{"a section that is no section", "00 53 24 45", "amqp:accepted:list has no place here"},
		{"an unknown section", "00 53 79 45", "descriptor 0x79 has no place here"},
		{"no section at all", "45", "where a described type is wanted"},
		{"bytes behind the last section", "00 53 75 a0 00 40", "where a described type is wanted"},
		{"sections out of order", "00 53 73 45 00 53 70 45", "amqp:header:list has no place here"},
		{"two headers", "00 53 70 45 00 53 70 45", "amqp:header:list has no place here"},
		{"two values", "00 53 77 40 00 53 77 40", "amqp:amqp-value:* has no place here"},
		{"data and a value", "00 53 75 a0 00 00 53 77 40", "a body of two kinds"},
		{"data and a sequence", "00 53 75 a0 00 00 53 76 45", "a body of two kinds"},
		{"a body behind the footer", "00 53 78 {00} 00 53 75 a0 00", "amqp:data:binary has no place here"},
		{"data that is a string", "00 53 75 a1 00", "where a binary is wanted"},
		{"a sequence that is a map", "00 53 76 {00}", "an amqp-sequence is no list"},
		{"annotations that are a list", "00 53 72 45", "where a map is wanted"},
		{"a message id that is an int", "00 53 73 [01 54 01]", "amqp:properties:list: a int32 as message id"},
		{"a correlation id that is a symbol", "00 53 73 [06 40 40 40 40 40 a3 01 'c']", "a amqp.Symbol as message id"},
		{"a priority that is a uint", "00 53 70 [02 41 52 01]", "where a ubyte is wanted"},
		{"an expiry that is a long", "00 53 73 [09 40 40 40 40 40 40 40 40 55 01]", "where a timestamp is wanted"},
		{"a section that is cut short", "00 53 75 a0 05 'abc'", "5 bytes are wanted"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			message, err := amqp.ReadMessage(unhex(t, c.wire))
			var malformed *amqp.Error
			if !errors.As(err, &malformed) || malformed.Condition != amqp.DecodeError || !strings.Contains(err.Error(), c.want) {
				t.Errorf("read as %#v, %v", message, err)
			}
		})
	}
}

func TestWhatIsNoMessageIDIsNotWritten(t *testing.T) {
	for _, id := range []amqp.Value{int32(1), amqp.Symbol("a"), true} {
		m := amqp.Message{Properties: &amqp.Properties{MessageID: id}}
		if b, err := m.Append(nil); err == nil {
			t.Errorf("%T written as % x", id, b)
		}
	}
}

func TestPayload(t *testing.T) {
	for _, c := range []struct {
		rule string
		body amqp.Body
		want string
		ok   bool
	}{
		{"one data section", amqp.Data{[]byte("a")}, "a", true},
		{"two are joined", amqp.Data{[]byte("a"), []byte("b")}, "ab", true},
		{"a string", amqp.Single{Value: "a"}, "a", true},
		{"a binary value", amqp.Single{Value: []byte("a")}, "a", true},
		{"another value", amqp.Single{Value: int32(1)}, "", false},
		{"a sequence", amqp.Sequences{amqp.List{"a"}}, "", false},
		{"no body", nil, "", false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			m := amqp.Message{Body: c.body}
			if got, ok := m.Payload(); string(got) != c.want || ok != c.ok {
				t.Errorf("%q, %v", got, ok)
			}
		})
	}
}

// TestMessagesOfAnotherCodec: go-amqp reads what is written here, and the other way round.
func TestMessagesOfAnotherCodec(t *testing.T) {
	moment := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)
	text, symbol, group, encoding := "text", "application/json", uint32(9), "utf-8"
	theirs := &goamqp.Message{
		Header:              &goamqp.MessageHeader{Durable: true, Priority: 3, TTL: time.Second, DeliveryCount: 2},
		DeliveryAnnotations: goamqp.Annotations{"d": int64(-1)},
		Annotations:         goamqp.Annotations{"x-opt-enqueued-time": moment},
		Properties: &goamqp.MessageProperties{
			MessageID: goamqp.UUID(uuid), UserID: []byte("u"), To: &text, Subject: &text, ReplyTo: &text, CorrelationID: uint64(5),
			ContentType: &symbol, ContentEncoding: &encoding, AbsoluteExpiryTime: &moment, CreationTime: &moment, GroupID: &text, GroupSequence: &group, ReplyToGroupID: &text,
		},
		ApplicationProperties: map[string]any{"n": int32(500)},
		Data:                  [][]byte{[]byte("one"), []byte("two")},
		Footer:                goamqp.Annotations{"f": "g"},
	}
	ours := &amqp.Message{
		Header:              &amqp.Header{Durable: true, Priority: 3, TTL: amqp.Some(uint32(1000)), DeliveryCount: 2},
		DeliveryAnnotations: amqp.Map{{amqp.Symbol("d"), int64(-1)}},
		MessageAnnotations:  amqp.Map{{amqp.Symbol("x-opt-enqueued-time"), amqp.TimestampOf(moment)}},
		Properties: &amqp.Properties{
			MessageID: uuid, UserID: []byte("u"), To: text, Subject: text, ReplyTo: text, CorrelationID: uint64(5),
			ContentType: amqp.Symbol(symbol), ContentEncoding: amqp.Symbol(encoding),
			AbsoluteExpiryTime: amqp.Some(amqp.TimestampOf(moment)), CreationTime: amqp.Some(amqp.TimestampOf(moment)),
			GroupID: text, GroupSequence: amqp.Some(group), ReplyToGroupID: text,
		},
		ApplicationProperties: amqp.Map{{"n", int32(500)}},
		Body:                  amqp.Data{[]byte("one"), []byte("two")},
		Footer:                amqp.Map{{amqp.Symbol("f"), "g"}},
	}
	wire, err := theirs.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := amqp.ReadMessage(wire); err != nil || !reflect.DeepEqual(got, ours) {
		t.Errorf("theirs is read as %#v %#v, %v", got, got.Properties, err)
	}

	if wire, err = ours.Append(nil); err != nil {
		t.Fatal(err)
	}
	var got goamqp.Message
	if err := got.UnmarshalBinary(wire); err != nil {
		t.Fatal(err)
	}
	again, err := got.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if read, err := amqp.ReadMessage(again); err != nil || !reflect.DeepEqual(read, ours) {
		t.Errorf("ours comes back as %#v %#v, %v", read, read.Properties, err)
	}

	unknown := regexp.MustCompile("^(decimal|char$|array of (lists|maps|arrays|described))") // to it
	for _, c := range shortest {
		if unknown.MatchString(c.name) {
			continue
		}
		m := amqp.Message{Body: amqp.Single{Value: c.value}}
		wire, err := m.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		var got goamqp.Message
		if err := got.UnmarshalBinary(wire); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
