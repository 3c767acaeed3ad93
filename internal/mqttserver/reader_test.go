package mqttserver_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/dpslab/dpslab/internal/mqttserver"
)

func FuzzReader(f *testing.F) {
	for _, seed := range []string{
		"\x10\x12\x00\x04MQTT\x04\x02\x00\x3c\x00\x06dev-01",
		"\x10\x22\x00\x04MQTT\x04\xf6\x00\x00\x00\x06dev-01\x00\x01t\x00\x01w\x00\x04user\x00\x04pass",
		"\x10\x10\x00\x04MQTT\x05\x02\x00\x00\x05\x11\x00\x00\x00\x0a\x00\x00",
		"\x82\x0b\x00\x01\x00\x06$dps/#\x01\xa2\x07\x00\x02\x00\x03a/b\xc0\x00\xe0\x00",
		"\x32\x0a\x00\x03a/b\x00\x07xyz\x40\x02\x00\x07\x30\x05\x00\x01tok",
		"\x30\xff\xff\xff\x7f",
		"\x30\x80\x80\x80\x80\x80\x80\x80\x00",
	} {
		f.Add([]byte(seed))
	}
	const max = 1 << 12
	f.Fuzz(func(t *testing.T, input []byte) {
		// Whatever comes, decoded values are no more than the bytes they came from, and
		// no packet is larger than allowed.
		err := mqttserver.ReadPackets(input, max, func(pk packets.Packet) {
			held := len(pk.TopicName) + len(pk.Payload) + len(pk.Connect.ClientIdentifier) + len(pk.Connect.Username) +
				len(pk.Connect.Password) + len(pk.Connect.WillTopic) + len(pk.Connect.WillPayload) + len(pk.ReasonCodes)
			for _, filter := range pk.Filters {
				held += len(filter.Filter)
			}
			if pk.FixedHeader.Remaining > max || held > pk.FixedHeader.Remaining {
				t.Errorf("a packet of %d bytes holds %d", pk.FixedHeader.Remaining, held)
			}
			if len(pk.Filters) > mqttserver.MaxFilters {
				t.Errorf("%d filters in one packet", len(pk.Filters))
			}
			if pk.ProtocolVersion != 4 {
				t.Errorf("decoded as version %d", pk.ProtocolVersion)
			}
		})
		if err == nil {
			t.Error("reading never ends")
		}
	})
}

// allocated is what f allocates, in bytes.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestAHeaderAloneAllocatesLittle(t *testing.T) {
	const max = 64 << 20
	for rule, input := range map[string][]byte{
		"a length without a body":            []byte("\x30\xff\xff\xff\x1f"),
		"a SUBSCRIBE of nothing but filters": append([]byte{0x82, 0xff, 0xff, 0x0f, 0, 1}, bytes.Repeat([]byte{0, 0, 0}, 87380)...),
		"an UNSUBSCRIBE of short filters":    append([]byte{0xa2, 0xff, 0xff, 0x0f, 0, 1}, bytes.Repeat([]byte{0, 1, 'a'}, 87380)...),
	} {
		t.Run(rule, func(t *testing.T) {
			got := allocated(func() {
				if err := mqttserver.ReadPackets(input, max, func(packets.Packet) {}); errors.Is(err, io.EOF) {
					t.Error("it was accepted")
				}
			})
			if bound := uint64(32<<10 + 3*len(input)); got > bound {
				t.Errorf("%d bytes of input made the reader allocate %d", len(input), got)
			}
		})
	}
}

func TestALargePacketIsReadWhole(t *testing.T) {
	payload := strings.Repeat("0123456789abcdef", 16<<10)
	var whole bytes.Buffer
	publish("t", 0, 0, payload).Write(&whole)
	seen := ""
	err := mqttserver.ReadPackets(whole.Bytes(), len(payload)+3, func(pk packets.Packet) { seen = string(pk.Payload) })
	if err != io.EOF || seen != payload {
		t.Errorf("read %d of %d bytes, %v", len(seen), len(payload), err)
	}
}

func TestTheNumberOfFiltersIsBounded(t *testing.T) {
	filters := make([]string, mqttserver.MaxFilters)
	for i := range filters {
		filters[i] = "a"
	}
	for _, c := range []struct {
		filters []string
		want    int
	}{{filters, 1}, {append(filters, "a"), 0}} {
		var whole bytes.Buffer
		subscribe(1, 1, c.filters...).Write(&whole)
		got := 0
		mqttserver.ReadPackets(whole.Bytes(), 1<<20, func(packets.Packet) { got++ })
		if got != c.want {
			t.Errorf("of a SUBSCRIBE with %d filters, %d were read", len(c.filters), got)
		}
	}
}
