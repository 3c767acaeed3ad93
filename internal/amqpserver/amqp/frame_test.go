package amqp_test

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
)

var everyError = &amqp.Error{Condition: amqp.NotFound, Description: "it is not here", Info: amqp.Map{{amqp.Symbol("k"), int32(7)}}}

// frames are frames and their bytes, each performative with as little as it may have and
// with all that it can.
var frames = []struct {
	name  string
	frame amqp.Frame
	wire  string
}{
	{"empty", amqp.Frame{}, "00000008 02 00 0000"},
	{"empty on a channel", amqp.Frame{Channel: 0x0102}, "00000008 02 00 0102"},

	{"open, bare", amqp.Frame{Performative: &amqp.Open{ContainerID: "c", MaxFrameSize: 1<<32 - 1, ChannelMax: 1<<16 - 1}},
		"00000011 02 00 0000 00 53 10 c0 04 01 a1 01 'c'"},
	{"open, as a hub's", amqp.Frame{Performative: &amqp.Open{
		ContainerID: "DeviceGateway", Hostname: "localhost", MaxFrameSize: 65536, ChannelMax: 8191, IdleTimeout: amqp.Some(uint32(240000)),
	}}, "(02 00 0000 00 53 10 [05 a1 0d 'DeviceGateway' a1 09 'localhost' 70 00010000 60 1fff 70 0003a980])"},
	{"open, whole", amqp.Frame{Performative: &amqp.Open{
		ContainerID: "c", Hostname: "h", MaxFrameSize: 512, ChannelMax: 1, IdleTimeout: amqp.Some(uint32(1)),
		OutgoingLocales: []amqp.Symbol{"en"}, IncomingLocales: []amqp.Symbol{"de"},
		OfferedCapabilities: []amqp.Symbol{"o", "p"}, DesiredCapabilities: []amqp.Symbol{}, Properties: amqp.Map{{amqp.Symbol("k"), "v"}},
	}}, "(02 00 0000 00 53 10 [0a a1 01 'c' a1 01 'h' 70 00000200 60 0001 52 01 <01 a3 02 'en'> <01 a3 02 'de'>" +
		"<02 a3 01 'o' 01 'p'> <00 a3> {02 a3 01 'k' a1 01 'v'}])"},
	{"close, bare", amqp.Frame{Performative: &amqp.Close{}}, "0000000c 02 00 0000 00 53 18 45"},
	{"close, whole", amqp.Frame{Performative: &amqp.Close{Error: everyError}},
		"(02 00 0000 00 53 18 [01 00 53 1d [03 a3 0e 'amqp:not-found' a1 0e 'it is not here' {02 a3 01 'k' 54 07}]])"},

	{"begin, a client's", amqp.Frame{Performative: &amqp.Begin{IncomingWindow: 2147483647, OutgoingWindow: 65536, HandleMax: 1<<32 - 1}},
		"(02 00 0000 00 53 11 [04 40 43 70 7fffffff 70 00010000])"},
	{"begin, an answer", amqp.Frame{Channel: 3, Performative: &amqp.Begin{
		RemoteChannel: amqp.Some(uint16(3)), NextOutgoingID: 1, IncomingWindow: 5000, OutgoingWindow: 1<<32 - 1, HandleMax: 262143,
	}}, "(02 00 0003 00 53 11 [05 60 0003 52 01 70 00001388 70 ffffffff 70 0003ffff])"},
	{"begin, whole", amqp.Frame{Performative: &amqp.Begin{
		RemoteChannel: amqp.Some(uint16(0)), NextOutgoingID: 1, IncomingWindow: 2, OutgoingWindow: 3, HandleMax: 4,
		OfferedCapabilities: []amqp.Symbol{"o"}, DesiredCapabilities: []amqp.Symbol{"d"}, Properties: amqp.Map{},
	}}, "(02 00 0000 00 53 11 [08 60 0000 52 01 52 02 52 03 52 04 <01 a3 01 'o'> <01 a3 01 'd'> {00}])"},
	{"end, bare", amqp.Frame{Channel: 1, Performative: &amqp.End{}}, "0000000c 02 00 0001 00 53 17 45"},
	{"end, with an error", amqp.Frame{Performative: &amqp.End{Error: &amqp.Error{Condition: "c"}}},
		"(02 00 0000 00 53 17 [01 00 53 1d [01 a3 01 'c']])"},
	{"flow, a session's", amqp.Frame{Performative: &amqp.Flow{IncomingWindow: 1, NextOutgoingID: 2, OutgoingWindow: 3}},
		"(02 00 0000 00 53 13 [04 40 52 01 52 02 52 03])"},
	{"flow, whole", amqp.Frame{Performative: &amqp.Flow{
		NextIncomingID: amqp.Some(uint32(0)), IncomingWindow: 1, NextOutgoingID: 2, OutgoingWindow: 3, Handle: amqp.Some(uint32(4)),
		DeliveryCount: amqp.Some(uint32(5)), LinkCredit: amqp.Some(uint32(6)), Available: amqp.Some(uint32(7)), Drain: true, Echo: true,
		Properties: amqp.Map{},
	}}, "(02 00 0000 00 53 13 [0b 43 52 01 52 02 52 03 52 04 52 05 52 06 52 07 41 41 {00}])"},

	{"attach, a client's receiver", amqp.Frame{Performative: &amqp.Attach{
		Name: "r", Handle: 0, Role: amqp.Receiver, SenderSettleMode: amqp.SenderMixed,
		Source: &amqp.Source{Address: "0ne00DEMO01/registrations/dev-01", ExpiryPolicy: "session-end"}, Target: &amqp.Target{ExpiryPolicy: "session-end"},
		Properties: amqp.Map{{amqp.Symbol("com.microsoft:api-version"), "2019-03-31"}},
	}}, "(02 00 0000 00 53 12 [0e a1 01 'r' 43 41 40 40 00 53 28 [01 a1 20 '0ne00DEMO01/registrations/dev-01']" +
		"00 53 29 45 40 40 40 40 40 40 {02 a3 19 'com.microsoft:api-version' a1 0a '2019-03-31'}])"},
	{"attach, whole", amqp.Frame{Performative: &amqp.Attach{
		Name: "n", Handle: 1, Role: amqp.Sender, SenderSettleMode: amqp.SenderSettled, ReceiverSettleMode: amqp.ReceiverSecond,
		Source: &amqp.Source{
			Address: "a", Durable: 2, ExpiryPolicy: "never", Timeout: 9, Dynamic: true, DynamicNodeProperties: amqp.Map{},
			DistributionMode: "move", Filter: amqp.Map{{amqp.Symbol("f"), amqp.Described{Descriptor: amqp.Symbol("f"), Value: "x"}}},
			DefaultOutcome: &amqp.Modified{DeliveryFailed: true}, Outcomes: []amqp.Symbol{"o"}, Capabilities: []amqp.Symbol{"c"},
		},
		Target: &amqp.Target{
			Address: "b", Durable: 1, ExpiryPolicy: "never", Timeout: 8, Dynamic: true, DynamicNodeProperties: amqp.Map{}, Capabilities: []amqp.Symbol{"c"},
		},
		Unsettled: amqp.Map{}, IncompleteUnsettled: true, InitialDeliveryCount: amqp.Some(uint32(0)), MaxMessageSize: 1048576,
		OfferedCapabilities: []amqp.Symbol{"x"}, DesiredCapabilities: []amqp.Symbol{"y"}, Properties: amqp.Map{},
	}}, "(02 00 0000 00 53 12 [0e a1 01 'n' 52 01 42 50 01 50 01" +
		"00 53 28 [0b a1 01 'a' 52 02 a3 05 'never' 52 09 41 {00} a3 04 'move' {02 a3 01 'f' 00 a3 01 'f' a1 01 'x'}" +
		"00 53 27 [01 41] <01 a3 01 'o'> <01 a3 01 'c'>]" +
		"00 53 29 [07 a1 01 'b' 52 01 a3 05 'never' 52 08 41 {00} <01 a3 01 'c'>]" +
		"{00} 41 43 80 0000000000100000 <01 a3 01 'x'> <01 a3 01 'y'> {00}])"},
	{"detach, bare", amqp.Frame{Performative: &amqp.Detach{Handle: 7}}, "(02 00 0000 00 53 16 [01 52 07])"},
	{"detach, whole", amqp.Frame{Performative: &amqp.Detach{Handle: 7, Closed: true, Error: &amqp.Error{Condition: "c"}}},
		"(02 00 0000 00 53 16 [03 52 07 41 00 53 1d [01 a3 01 'c']])"},

	{"transfer, one of several frames", amqp.Frame{Performative: &amqp.Transfer{Handle: 1, More: true}, Payload: []byte("part")},
		"(02 00 0000 00 53 14 [06 52 01 40 40 40 40 41] 'part')"},
	{"transfer, whole", amqp.Frame{Performative: &amqp.Transfer{
		Handle: 0, DeliveryID: amqp.Some(uint32(0)), DeliveryTag: []byte{}, MessageFormat: amqp.Some(uint32(0x80013700)), Settled: amqp.Some(false),
		More: true, ReceiverSettleMode: amqp.Some(amqp.ReceiverSecond), State: &amqp.Received{SectionNumber: 1, SectionOffset: 2},
		Resume: true, Aborted: true, Batchable: true,
	}}, "(02 00 0000 00 53 14 [0b 43 43 a0 00 70 80013700 42 41 50 01 00 53 23 [02 52 01 53 02] 41 41 41])"},
	{"disposition, accepted", amqp.Frame{Performative: &amqp.Disposition{Role: amqp.Receiver, First: 0, Settled: true, State: &amqp.Accepted{}}},
		"(02 00 0000 00 53 15 [05 41 43 40 41 00 53 24 45])"},
	{"disposition, rejected", amqp.Frame{Performative: &amqp.Disposition{
		Role: amqp.Receiver, First: 1, Last: amqp.Some(uint32(2)), Settled: true, State: &amqp.Rejected{Error: &amqp.Error{Condition: "c"}}, Batchable: true,
	}}, "(02 00 0000 00 53 15 [06 41 52 01 52 02 41 00 53 25 [01 00 53 1d [01 a3 01 'c']] 41])"},
	{"disposition, released", amqp.Frame{Performative: &amqp.Disposition{State: &amqp.Released{}}}, "(02 00 0000 00 53 15 [05 42 43 40 40 00 53 26 45])"},
	{"disposition, modified", amqp.Frame{Performative: &amqp.Disposition{State: &amqp.Modified{UndeliverableHere: true, MessageAnnotations: amqp.Map{}}}},
		"(02 00 0000 00 53 15 [05 42 43 40 40 00 53 27 [03 40 41 {00}]])"},
	{"disposition, an extension", amqp.Frame{Performative: &amqp.Disposition{
		State: &amqp.Described{Descriptor: uint64(0x34), Value: amqp.List{[]byte{1}}},
	}}, "(02 00 0000 00 53 15 [05 42 43 40 40 00 53 34 [01 a0 01 01]])"},

	{"sasl-mechanisms", amqp.Frame{Type: amqp.FrameSASL, Performative: &amqp.SASLMechanisms{Mechanisms: []amqp.Symbol{"PLAIN"}}},
		"(02 01 0000 00 53 40 [01 <01 a3 05 'PLAIN'>])"},
	{"sasl-init, bare", amqp.Frame{Type: amqp.FrameSASL, Performative: &amqp.SASLInit{Mechanism: "ANONYMOUS"}},
		"(02 01 0000 00 53 41 [01 a3 09 'ANONYMOUS'])"},
	{"sasl-init, whole", amqp.Frame{Type: amqp.FrameSASL, Performative: &amqp.SASLInit{Mechanism: "PLAIN", Response: []byte("\x00u\x00p"), Hostname: "h"}},
		"(02 01 0000 00 53 41 [03 a3 05 'PLAIN' a0 04 00 'u' 00 'p' a1 01 'h'])"},
	{"sasl-challenge", amqp.Frame{Type: amqp.FrameSASL, Performative: &amqp.SASLChallenge{Challenge: []byte{0}}}, "(02 01 0000 00 53 42 [01 a0 01 00])"},
	{"sasl-response", amqp.Frame{Type: amqp.FrameSASL, Performative: &amqp.SASLResponse{Response: []byte{}}}, "(02 01 0000 00 53 43 [01 a0 00])"},
	{"sasl-outcome", amqp.Frame{Type: amqp.FrameSASL, Performative: &amqp.SASLOutcome{AdditionalData: []byte("Welcome!")}},
		"(02 01 0000 00 53 44 [02 50 00 a0 08 'Welcome!'])"},
}

func TestFrames(t *testing.T) {
	for _, c := range frames {
		t.Run(c.name, func(t *testing.T) {
			wire := unhex(t, c.wire)
			got, err := c.frame.Append([]byte("before"))
			if err != nil || !bytes.Equal(got, append([]byte("before"), wire...)) {
				t.Errorf("written as % x, %v", got[6:], err)
			}
			for how, r := range map[string]io.Reader{"at once": bytes.NewReader(wire), "byte by byte": iotest.OneByteReader(bytes.NewReader(wire))} {
				frame, err := amqp.ReadFrame(r, uint32(len(wire)))
				if len(frame.Payload) == 0 {
					frame.Payload = nil
				}
				if err != nil || !reflect.DeepEqual(frame, c.frame) {
					t.Errorf("read %s as %#v %#v, %v", how, frame, frame.Performative, err)
				}
			}
		})
	}
}

// TestOtherFrames is of what others may send.
func TestOtherFrames(t *testing.T) {
	for _, c := range []struct {
		rule, wire string
		want       amqp.Frame
	}{
		{"an extended header is skipped", "(03 00 0000 deadbeef 00 53 18 45)", amqp.Frame{Performative: &amqp.Close{}}},
		{"a frame of nothing but an extended header", "(03 00 0005 deadbeef)", amqp.Frame{Channel: 5}},
		{"a descriptor as a symbol", "(02 00 0000 00 a3 0f 'amqp:close:list' 45)", amqp.Frame{Performative: &amqp.Close{}}},
		{"a descriptor in full", "(02 00 0000 00 80 0000000000000018 45)", amqp.Frame{Performative: &amqp.Close{}}},
		{"fields that are null at the end", "(02 00 0000 00 53 16 [03 52 07 40 40])", amqp.Frame{Performative: &amqp.Detach{Handle: 7}}},
		{"a long list", "(02 00 0000 00 53 16 d0 00000006 00000001 52 07)", amqp.Frame{Performative: &amqp.Detach{Handle: 7}}},
		{"one symbol where there may be several", "(02 01 0000 00 53 40 [01 a3 07 'MSSBCBS'])",
			amqp.Frame{Type: amqp.FrameSASL, Performative: &amqp.SASLMechanisms{Mechanisms: []amqp.Symbol{"MSSBCBS"}}}},
		{"a string where a symbol belongs", "(02 01 0000 00 53 41 [01 a1 05 'PLAIN'])",
			amqp.Frame{Type: amqp.FrameSASL, Performative: &amqp.SASLInit{Mechanism: "PLAIN"}}},
		{"a symbol where a string belongs", "(02 00 0000 00 53 10 [01 a3 01 'c'])",
			amqp.Frame{Performative: &amqp.Open{ContainerID: "c", MaxFrameSize: 1<<32 - 1, ChannelMax: 1<<16 - 1}}},
		{"a coordinator as target", "(02 00 0000 00 53 12 [07 a1 01 'n' 43 42 40 40 40 00 53 30 45])",
			amqp.Frame{Performative: &amqp.Attach{Name: "n", SenderSettleMode: amqp.SenderMixed, Coordinator: true}}},
		{"an outcome by its symbol", "(02 00 0000 00 53 15 [05 41 43 40 41 00 a3 12 'amqp:accepted:list' 45])",
			amqp.Frame{Performative: &amqp.Disposition{Role: amqp.Receiver, Settled: true, State: &amqp.Accepted{}}}},
		{"an outcome that nobody knows", "(02 00 0000 00 53 15 [05 41 43 40 41 00 a3 04 'mine' 45])", amqp.Frame{Performative: &amqp.Disposition{
			Role: amqp.Receiver, Settled: true, State: &amqp.Described{Descriptor: amqp.Symbol("mine"), Value: amqp.List{}},
		}}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			wire := unhex(t, c.wire)
			frame, err := amqp.ReadFrame(bytes.NewReader(wire), 512)
			if err != nil || !reflect.DeepEqual(frame, c.want) {
				t.Errorf("read as %#v %#v, %v", frame, frame.Performative, err)
			}
		})
	}
}

func TestMalformedFrames(t *testing.T) {
	for _, c := range []struct {
		rule, wire string
		condition  amqp.Symbol
		want       string
	}{
		{"larger than allowed", "00000201 02 00 0000", amqp.FramingError, "a frame of 513 bytes is larger than the 512 allowed"},
		{"smaller than its header", "00000007 02 00 0000", amqp.FramingError, "a frame of 7 bytes"},
		{"of no size", "00000000 02 00 0000", amqp.FramingError, "a frame of 0 bytes"},
		{"with its data in the header", "(01 00 0000 00 53 18 45)", amqp.FramingError, "with its data at 4"},
		{"with its data behind its end", "(04 00 0000 00 53 18 45)", amqp.FramingError, "with its data at 16"},
		{"of an unknown type", "(02 02 0000 00 53 18 45)", amqp.FramingError, "frame type 2"},
		{"without a descriptor", "(02 00 0000 45)", amqp.DecodeError, "where a described type is wanted"},
		{"with half a descriptor", "(02 00 0000 00)", amqp.DecodeError, "1 bytes are wanted"},
		{"with an odd descriptor", "(02 00 0000 00 41 45)", amqp.DecodeError, "where a descriptor is wanted"},
		{"with an unknown code", "(02 00 0000 00 53 99 45)", amqp.DecodeError, "descriptor 0x99 has no place"},
		{"with an unknown symbol", "(02 00 0000 00 a3 04 'nope' 45)", amqp.DecodeError, `unknown descriptor "nope"`},
		{"with an outcome for a performative", "(02 00 0000 00 53 24 45)", amqp.DecodeError, "amqp:accepted:list has no place"},
		{"of SASL with an open", "(02 01 0000 00 53 10 [01 a1 01 'c'])", amqp.DecodeError, "no place in a frame of type 1"},
		{"of AMQP with a sasl-init", "(02 00 0000 00 53 41 [01 a3 09 'ANONYMOUS'])", amqp.DecodeError, "no place in a frame of type 0"},
		{"with a map for the list", "(02 00 0000 00 53 18 {00})", amqp.DecodeError, "0xc1 is no list"},
		{"with a list that is cut short", "(02 00 0000 00 53 18 c0 05 01)", amqp.DecodeError, "5 bytes are wanted"},
		{"without a mandatory field", "(02 00 0000 00 53 10 45)", amqp.DecodeError, "amqp:open:list: a mandatory field is missing"},
		{"with null for a mandatory field", "(02 00 0000 00 53 10 [01 40])", amqp.DecodeError, "amqp:open:list: a mandatory field is missing"},
		{"with too many fields", "(02 00 0000 00 53 18 [02 40 40])", amqp.DecodeError, "amqp:close:list: 1 fields too many"},
		{"with bytes behind the fields", "(02 00 0000 00 53 18 [01 40 40])", amqp.DecodeError, "1 bytes are left"},
		{"with bytes behind the performative", "(02 00 0000 00 53 18 45 'xx')", amqp.DecodeError, "amqp:close:list: 2 bytes behind it"},
		{"with a field of another type", "(02 00 0000 00 53 16 [01 54 07])", amqp.DecodeError, "amqp:detach:list: format code 0x54 where a uint is wanted"},
		{"with a role that is no boolean", "(02 00 0000 00 53 15 [02 52 01 52 01])", amqp.DecodeError, "where a boolean is wanted"},
		{"with a channel that is a uint", "(02 00 0000 00 53 11 [04 52 01 43 43 43])", amqp.DecodeError, "where a ushort is wanted"},
		{"with a size that is a uint", "(02 00 0000 00 53 12 [0b a1 01 'n' 43 42 40 40 40 40 40 40 40 43])", amqp.DecodeError, "where a ulong is wanted"},
		{"with a binary that is a string", "(02 01 0000 00 53 43 [01 a1 01 'r'])", amqp.DecodeError, "where a binary is wanted"},
		{"with a code that is a uint", "(02 01 0000 00 53 44 [01 52 00])", amqp.DecodeError, "where a ubyte is wanted"},
		{"with a symbol that is a number", "(02 01 0000 00 53 40 [01 50 01])", amqp.DecodeError, "where a string or symbol is wanted"},
		{"with numbers for symbols", "(02 01 0000 00 53 40 [01 <01 50 01>])", amqp.DecodeError, "a uint8 in an array of symbols"},
		{"with an error that is none", "(02 00 0000 00 53 18 [01 00 53 24 45])", amqp.DecodeError, "amqp:accepted:list where amqp:error:list is wanted"},
		{"with an error without a condition", "(02 00 0000 00 53 18 [01 00 53 1d 45])", amqp.DecodeError, "amqp:close:list: amqp:error:list: a mandatory"},
		{"with an outcome for a source", "(02 00 0000 00 53 12 [06 a1 01 'n' 43 42 40 40 00 53 24 45])", amqp.DecodeError, "where amqp:source:list is wanted"},
		{"with a source for a target", "(02 00 0000 00 53 12 [07 a1 01 'n' 43 42 40 40 40 00 53 28 45])", amqp.DecodeError, "where amqp:target:list is wanted"},
		{"with a settle mode that there is not", "(02 00 0000 00 53 12 [04 a1 01 'n' 43 42 50 03])", amqp.DecodeError, "settle modes 3 and 0"},
		{"with a state that is not described", "(02 00 0000 00 53 15 [05 42 43 40 40 45])", amqp.DecodeError, "a delivery state is not described"},
		{"with fields that are no map", "(02 00 0000 00 53 10 [0a a1 01 'c' 40 40 40 40 40 40 40 40 45])", amqp.DecodeError, "where a map is wanted"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			wire := unhex(t, c.wire)
			frame, err := amqp.ReadFrame(bytes.NewReader(wire), 512)
			var violation *amqp.Error
			if !errors.As(err, &violation) || violation.Condition != c.condition || !strings.Contains(err.Error(), c.want) {
				t.Errorf("read as %#v, %v", frame.Performative, err)
			}
		})
	}
}

func TestTheEndOfTheStream(t *testing.T) {
	whole := unhex(t, "0000000c 02 00 0000 00 53 18 45")
	for n := range whole {
		want := io.ErrUnexpectedEOF
		if n == 0 {
			want = io.EOF
		}
		if _, err := amqp.ReadFrame(bytes.NewReader(whole[:n]), 512); err != want {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

func TestALargeFrame(t *testing.T) {
	payload := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
	wire, err := amqp.Frame{Performative: &amqp.Transfer{}, Payload: payload}.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	frame, err := amqp.ReadFrame(iotest.HalfReader(bytes.NewReader(wire)), 2<<20)
	if err != nil || !bytes.Equal(frame.Payload, payload) {
		t.Errorf("%d bytes, %v", len(frame.Payload), err)
	}
	if _, err := amqp.ReadFrame(bytes.NewReader(wire[:len(wire)-1]), 2<<20); err != io.ErrUnexpectedEOF {
		t.Errorf("cut short: %v", err)
	}
}

// TestAFrameThatIsOnlyClaimed: what is allocated for a frame follows the bytes that come.
func TestAFrameThatIsOnlyClaimed(t *testing.T) {
	claim := unhex(t, "7fffffff 02 00 0000 00 53")
	got := testing.Benchmark(func(b *testing.B) {
		for range b.N {
			amqp.ReadFrame(bytes.NewReader(claim), 1<<31)
		}
	}).AllocedBytesPerOp()
	if got > 8<<10 {
		t.Errorf("%d bytes for a claim", got)
	}
}

func TestWhatCannotBeWrittenInAFrame(t *testing.T) {
	for _, p := range []amqp.Performative{
		&amqp.Open{Properties: amqp.Map{{amqp.Symbol("k"), 1}}},
		&amqp.Disposition{State: &amqp.Described{Descriptor: 1}},
		&amqp.Close{Error: &amqp.Error{Info: amqp.Map{{amqp.Symbol("k"), struct{}{}}}}},
	} {
		if b, err := (amqp.Frame{Performative: p}).Append(nil); err == nil {
			t.Errorf("%T written as % x", p, b)
		}
	}
}
