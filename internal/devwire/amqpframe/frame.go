package amqpframe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Header is the eight bytes with which each side begins each layer (2.2).
type Header [8]byte

// The headers of the layers: AMQP itself, SASL, and TLS, which is not negotiated here but
// may be asked for.
var (
	HeaderAMQP = Header{'A', 'M', 'Q', 'P', 0, 1, 0, 0}
	HeaderTLS  = Header{'A', 'M', 'Q', 'P', 2, 1, 0, 0}
	HeaderSASL = Header{'A', 'M', 'Q', 'P', 3, 1, 0, 0}
)

// Types of frame (2.3).
const (
	TypeAMQP byte = 0
	TypeSASL byte = 1
)

// Frame is one frame, or a protocol header in its place.
type Frame struct {
	Header   *Header // of a layer; then the rest is not used
	Type     byte
	Channel  uint16     // of an AMQP frame; a SASL frame has none, and these bytes are ignored
	Extended []byte     // between the frame's header and its body; a multiple of four bytes
	Body     *Described // nil: an empty frame
	Payload  []byte     // behind the body: of a transfer, a piece of a message
}

// On is an AMQP frame on a channel. Its payload is the parts, one behind another.
func On(channel uint16, body *Described, payload ...[]byte) Frame {
	f := Frame{Channel: channel, Body: body}
	for _, part := range payload {
		f.Payload = append(f.Payload, part...)
	}
	return f
}

// SASL is a SASL frame.
func SASL(body *Described) Frame { return Frame{Type: TypeSASL, Body: body} }

// Empty is the frame that only says that its sender lives (2.4.5).
func Empty() Frame { return Frame{} }

// Layer is a protocol header in the place of a frame.
func Layer(h Header) Frame { return Frame{Header: &h} }

// Name is the name of the frame's body, "header" for a protocol header, "empty" for an
// empty frame, and "" for a body that AMQP does not know.
func (f Frame) Name() string {
	switch {
	case f.Header != nil:
		return "header"
	case f.Body == nil:
		return "empty"
	}
	return f.Body.Name()
}

// frameHeader is the length of a frame's fixed header.
const frameHeader = 8

// Append writes the frame behind b.
func (f Frame) Append(b []byte) ([]byte, error) {
	if f.Header != nil {
		return append(b, f.Header[:]...), nil
	}
	at := len(b)
	b = append(b, 0, 0, 0, 0, byte(2+len(f.Extended)/4), f.Type)
	b = binary.BigEndian.AppendUint16(b, f.Channel)
	b = append(b, f.Extended...)
	if f.Body != nil {
		var err error
		if b, err = appendValue(b, f.Body, false); err != nil {
			return b[:at], err
		}
	}
	b = append(b, f.Payload...)
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at))
	return b, nil
}

// Malformed is what cannot be read as a frame. It quotes no bytes.
type Malformed struct {
	What string
	Raw  []byte // as far as it was read
}

func (m *Malformed) Error() string { return "malformed amqp: " + m.What }

// Read reads one frame or protocol header and not a byte more. io.EOF means that the peer
// ended between frames, io.ErrUnexpectedEOF within one; a *Malformed is what is no frame,
// or one of more than limit bytes.
func Read(r io.Reader, limit int) (Frame, error) {
	raw, err := ReadBytes(r, limit)
	if err != nil {
		return Frame{}, err
	}
	return Parse(raw)
}

// ReadBytes is Read without a look at what the frame holds.
func ReadBytes(r io.Reader, limit int) ([]byte, error) {
	raw := make([]byte, frameHeader)
	if n, err := io.ReadFull(r, raw); err != nil {
		return nil, cutShort(err, n)
	}
	if isHeader(raw) {
		return raw, nil
	}
	size := binary.BigEndian.Uint32(raw)
	if size < frameHeader || uint64(size) > uint64(limit) {
		return nil, &Malformed{fmt.Sprintf("a frame of %d bytes, which should be from %d to %d", size, frameHeader, limit), raw}
	}
	raw = append(raw, make([]byte, size-frameHeader)...)
	if n, err := io.ReadFull(r, raw[frameHeader:]); err != nil {
		return nil, cutShort(err, frameHeader+n)
	}
	return raw, nil
}

// isHeader tells a protocol header from a frame, which would be one of a gigabyte.
func isHeader(raw []byte) bool { return [4]byte(raw) == [4]byte(HeaderAMQP[:]) }

func cutShort(err error, n int) error {
	if n > 0 && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) {
		return fmt.Errorf("closed in the middle of a frame, after %d bytes: %w", n, io.ErrUnexpectedEOF)
	}
	return err
}

// Parse reads a frame or protocol header of which raw holds all. What it returns shares
// memory with raw. The error is a *Malformed.
func Parse(raw []byte) (Frame, error) {
	if len(raw) == frameHeader && isHeader(raw) {
		h := Header(raw)
		return Frame{Header: &h}, nil
	}
	f, err := parse(raw)
	if err != nil {
		return f, &Malformed{err.Error(), raw}
	}
	return f, nil
}

func parse(raw []byte) (Frame, error) {
	if len(raw) < frameHeader || uint64(binary.BigEndian.Uint32(raw)) != uint64(len(raw)) {
		return Frame{}, fmt.Errorf("%d bytes that are not one frame", len(raw))
	}
	f := Frame{Type: raw[5], Channel: binary.BigEndian.Uint16(raw[6:])}
	offset := 4 * int(raw[4])
	switch {
	case offset < frameHeader || offset > len(raw):
		return f, fmt.Errorf("a frame of %d bytes whose body begins at %d", len(raw), offset)
	case f.Type != TypeAMQP && f.Type != TypeSASL:
		return f, fmt.Errorf("a frame of the unknown type %d", f.Type)
	}
	if offset > frameHeader {
		f.Extended = raw[frameHeader:offset]
	}
	if offset == len(raw) {
		return f, nil
	}
	v, rest, err := Decode(raw[offset:])
	if err != nil {
		return f, err
	}
	body, ok := v.(*Described)
	if !ok {
		return f, errors.New("a frame whose body is not described")
	}
	f.Body = body
	if len(rest) > 0 {
		f.Payload = rest
	}
	return f, nil
}
