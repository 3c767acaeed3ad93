package devwire

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// readFrame reads one MQTT packet, header and body, as a server may send it. It is read
// before paho's decoder sees it: that one allocates whatever a header announces, fills up
// a short body with zeros, and indexes past its slices when a SUBACK holds a code too
// many. io.EOF means the server closed between packets.
func readFrame(r *bufio.Reader) ([]byte, error) {
	first, err := r.ReadByte()
	if err != nil {
		return nil, err
	}
	frame := []byte{first}
	length := 0
	for shift := 0; ; shift += 7 {
		b, err := r.ReadByte()
		if err != nil {
			return frame, midPacket(err)
		}
		frame = append(frame, b)
		length |= int(b&0x7f) << shift
		if b&0x80 == 0 {
			break
		}
		if shift == 21 {
			return frame, &Malformed{What: "a packet length of more than four bytes", Raw: frame}
		}
	}
	if length > maxRead {
		return frame, &Malformed{What: fmt.Sprintf("a packet of %d bytes, over %d", length, maxRead), Raw: frame}
	}
	header := len(frame)
	frame = append(frame, make([]byte, length)...)
	if n, err := io.ReadFull(r, frame[header:]); err != nil {
		return frame[:header+n], midPacket(err)
	}
	if err := checkFrame(first, frame[header:]); err != nil {
		return frame, &Malformed{What: err.Error(), Raw: frame}
	}
	return frame, nil
}

func midPacket(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("closed in the middle of a packet: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// checkFrame holds a packet against MQTT 3.1.1: only kinds that a server sends, and
// bodies that hold what their kind says.
func checkFrame(first byte, body []byte) error {
	kind, flags := first>>4, first&0x0f
	name := packets.PacketNames[kind]
	if kind == packets.Publish {
		return checkPublish(flags, body)
	}
	want := byte(0)
	if kind == packets.Pubrel {
		want = 2
	}
	if flags != want {
		return fmt.Errorf("%s with flags %#x", name, flags)
	}
	switch kind {
	case packets.Connack:
		if len(body) != 2 || body[0] > 1 {
			return fmt.Errorf("CONNACK with the body % x", body)
		}
	case packets.Puback, packets.Pubrec, packets.Pubrel, packets.Pubcomp, packets.Unsuback:
		if len(body) != 2 {
			return fmt.Errorf("%s with a body of %d bytes", name, len(body))
		}
	case packets.Suback:
		if len(body) < 3 {
			return errors.New("SUBACK without a return code")
		}
	case packets.Pingresp:
		if len(body) != 0 {
			return fmt.Errorf("PINGRESP with a body of %d bytes", len(body))
		}
	default:
		return fmt.Errorf("packet of kind %d (%s), which no server sends", kind, name)
	}
	return nil
}

func checkPublish(flags byte, body []byte) error {
	qos := flags >> 1 & 3
	if qos == 3 {
		return errors.New("PUBLISH with QoS 3")
	}
	need := 2
	if len(body) >= 2 {
		need += int(body[0])<<8 | int(body[1])
	}
	if qos > 0 {
		need += 2
	}
	if len(body) < need {
		return fmt.Errorf("PUBLISH of %d bytes, too short for its topic and packet id", len(body))
	}
	return nil
}
