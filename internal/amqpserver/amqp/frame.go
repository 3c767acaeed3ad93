package amqp

import (
	"encoding/binary"
	"io"
)

// FrameType says what the body of a frame is.
type FrameType byte

const (
	FrameAMQP FrameType = 0
	FrameSASL FrameType = 1
)

// Frame is a frame as it was read. A frame without a body, which only says that the peer
// is there, has no Performative.
type Frame struct {
	Type         FrameType
	Channel      uint16 // of an AMQP frame
	Performative Performative
	Payload      []byte // behind a Transfer
}

//	 0               1               2               3
//	+---------------+---------------+---------------+---------------+
//	|                     size, this header included                |
//	+---------------+---------------+---------------+---------------+
//	| data offset/4 |     type      |            channel            |
//	+---------------+---------------+---------------+---------------+
//	| extended header, up to the data offset, ignored               |
//	| performative                                                  |
//	| payload                                                       |

// frameHeader is the size of a frame's header, and of a frame without a body.
const frameHeader = 8

// firstBody is what is allocated for a frame on the word of its header alone; the rest
// follows as its bytes arrive.
const firstBody = 4 << 10

// ReadFrame reads one frame of at most max bytes. Its error is an *Error for a frame that
// the standard does not allow, and one of r otherwise: io.EOF between frames,
// io.ErrUnexpectedEOF inside one.
func ReadFrame(r io.Reader, max uint32) (Frame, error) {
	var header [frameHeader]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return Frame{}, err
	}
	size := binary.BigEndian.Uint32(header[:])
	offset := 4 * uint32(header[4])
	switch {
	case size > max: // [DPS-AMQP-052]
		return Frame{}, Errorf(FramingError, "a frame of %d bytes is larger than the %d allowed", size, max)
	case size < frameHeader, offset < frameHeader, offset > size:
		return Frame{}, Errorf(FramingError, "a frame of %d bytes with its data at %d", size, offset)
	case FrameType(header[5]) > FrameSASL:
		return Frame{}, Errorf(FramingError, "frame type %d is unknown", header[5])
	}
	body, err := readBody(r, size-frameHeader)
	if err != nil {
		return Frame{}, err
	}
	f := Frame{Type: FrameType(header[5]), Channel: binary.BigEndian.Uint16(header[6:])}
	if body = body[offset-frameHeader:]; len(body) == 0 {
		return f, nil
	}
	f.Performative, f.Payload, err = ReadPerformative(f.Type, body)
	return f, err
}

func readBody(r io.Reader, length uint32) ([]byte, error) {
	body := make([]byte, min(length, firstBody))
	for read := 0; ; {
		n, err := io.ReadFull(r, body[read:])
		if err == io.EOF && length > 0 {
			err = io.ErrUnexpectedEOF
		}
		if read += n; err != nil || uint32(read) == length {
			return body, err
		}
		longer := make([]byte, min(2*uint64(read), uint64(length)))
		copy(longer, body)
		body = longer
	}
}

// ReadPerformative decodes the body of a frame. What it returns shares the memory of body.
func ReadPerformative(t FrameType, body []byte) (p Performative, payload []byte, err error) {
	d := newDecoder(body)
	code := d.descriptor()
	if d.err != nil {
		return nil, nil, d.err
	}
	if p = performative(t, code); p == nil {
		return nil, nil, malformed("%s has no place in a frame of type %d", name(code), t)
	}
	d.list(p)
	if _, transfer := p.(*Transfer); transfer {
		return p, d.b, d.failed()
	}
	if len(d.b) > 0 {
		d.fail("%s: %d bytes behind it", name(code), len(d.b))
	}
	return p, nil, d.failed()
}

func performative(t FrameType, code uint64) Performative {
	if t == FrameSASL {
		switch code {
		case 0x40:
			return new(SASLMechanisms)
		case 0x41:
			return new(SASLInit)
		case 0x42:
			return new(SASLChallenge)
		case 0x43:
			return new(SASLResponse)
		case 0x44:
			return new(SASLOutcome)
		}
		return nil
	}
	switch code {
	case 0x10:
		return new(Open)
	case 0x11:
		return new(Begin)
	case 0x12:
		return new(Attach)
	case 0x13:
		return new(Flow)
	case 0x14:
		return new(Transfer)
	case 0x15:
		return new(Disposition)
	case 0x16:
		return new(Detach)
	case 0x17:
		return new(End)
	case 0x18:
		return new(Close)
	}
	return nil
}

// Append appends the frame. One without a Performative is empty.
func (f Frame) Append(b []byte) ([]byte, error) {
	start := len(b)
	e := encoder{b: append(b, 0, 0, 0, 0, frameHeader/4, byte(f.Type), byte(f.Channel>>8), byte(f.Channel))}
	if f.Performative != nil {
		e.composite(f.Performative)
	}
	e.b = append(e.b, f.Payload...)
	binary.BigEndian.PutUint32(e.b[start:], uint32(len(e.b)-start))
	return e.b, e.err
}
