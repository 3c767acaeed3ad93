package mqttserver

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/mochi-mqtt/server/v2/packets"
)

// reader reads packets. The codec trusts its caller in three places, which are guarded here:
//
//   - DecodeLength goes on for as long as continuation bytes come that add nothing; MQTT
//     allows four bytes.
//   - ConnectDecode parses the properties of MQTT 5 when a client claims level 5; levels
//     other than 4 are sorted out before it runs.
//   - SubscribeDecode and UnsubscribeDecode make a Subscription, twenty times the size, of
//     every three bytes; the number of filters is bounded before they run.
type reader struct {
	from *bufio.Reader
	max  int
}

// maxFilters bounds the filters of one packet. A device has no use for more than a hub's
// five topics (iot-hub.md 1.7).
const maxFilters = 64

// firstBody is what is allocated for a packet on the word of its header alone; the rest
// follows as its bytes arrive.
const firstBody = 4 << 10

// errLevel is the error of a CONNECT with a protocol level other than 4.
var errLevel = errors.New("protocol level is not 4")

// packet reads and decodes the packet that begins with first. Its strings and slices share
// one buffer that belongs to the packet alone.
func (r *reader) packet(first byte, pk *packets.Packet) error {
	*pk = packets.Packet{ProtocolVersion: level}
	if err := pk.FixedHeader.Decode(first); err != nil {
		return fmt.Errorf("malformed header: %w", err)
	}
	length, _, err := packets.DecodeLength(&lengthBytes{from: r.from})
	if err != nil {
		return fmt.Errorf("malformed length: %w", midPacket(err))
	}
	if length > r.max {
		return fmt.Errorf("a packet of %d bytes is larger than the %d allowed", length, r.max)
	}
	pk.FixedHeader.Remaining = length
	body, err := r.body(length)
	if err != nil {
		return midPacket(err)
	}
	return decode(pk, body)
}

func (r *reader) body(length int) ([]byte, error) {
	body := make([]byte, min(length, firstBody))
	if _, err := io.ReadFull(r.from, body); err != nil {
		return nil, err
	}
	for len(body) < length {
		longer := make([]byte, min(2*len(body), length))
		n := copy(longer, body)
		if _, err := io.ReadFull(r.from, longer[n:]); err != nil {
			return nil, err
		}
		body = longer
	}
	return body, nil
}

// midPacket tells an end inside a packet from one between two.
func midPacket(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// lengthBytes are the at most four bytes of a remaining length.
type lengthBytes struct {
	from io.ByteReader
	n    int
}

func (l *lengthBytes) ReadByte() (byte, error) {
	if l.n++; l.n > 4 {
		return 0, errors.New("it has more than four bytes")
	}
	return l.from.ReadByte()
}

func decode(pk *packets.Packet, body []byte) error {
	switch pk.FixedHeader.Type {
	case packets.Connect:
		return decodeConnect(pk, body)
	case packets.Publish:
		return pk.PublishDecode(body)
	case packets.Puback:
		return pk.PubackDecode(body)
	case packets.Subscribe:
		if err := countFilters(body, 1); err != nil {
			return err
		}
		return pk.SubscribeDecode(body)
	case packets.Unsubscribe:
		if err := countFilters(body, 0); err != nil {
			return err
		}
		return pk.UnsubscribeDecode(body)
	default: // the others have no body that matters here
		return nil
	}
}

// countFilters bounds the filters of a SUBSCRIBE or UNSUBSCRIBE, each of which is followed
// by extra bytes, and refuses empty ones. [MQTT-4.7.3-1]
func countFilters(body []byte, extra int) error {
	rest := body[min(2, len(body)):]
	for n := 0; len(rest) > 0; n++ {
		if n == maxFilters {
			return fmt.Errorf("more than %d filters in one packet", maxFilters)
		}
		if len(rest) < 2 {
			return errors.New("malformed filter")
		}
		length := int(binary.BigEndian.Uint16(rest))
		if length == 0 {
			return errors.New("empty filter")
		}
		rest = rest[min(2+length+extra, len(rest)):]
	}
	return nil
}
