package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
)

// The baseline over AMQP writes frames as bytes (OASIS AMQP 1.0 parts 1 and 2), and of what a
// client sends it reads what its answers need and nothing else.

// Frames that are the same for every client: a header is in front of each, for its size and
// its channel 0.
var (
	bareMechanisms = bareFrame(1, "\x00\x53\x40\xc0\x0b\x01\xe0\x08\x01\xa3\x05PLAIN")
	bareOutcome    = bareFrame(1, "\x00\x53\x44\xc0\x03\x01\x50\x00")
	bareOpen       = bareFrame(0, "\x00\x53\x10\xc0\x07\x01\xa1\x04bare")
	bareBegin      = bareFrame(0, "\x00\x53\x11\xc0\x0f\x04\x60\x00\x00\x43\x70\x00\x00\x13\x88\x70\x00\x00\x13\x88")
	bareClose      = bareFrame(0, "\x00\x53\x18\x45")
)

// bareFrame puts the header of a frame, of AMQP (0) or SASL (1), before its body.
func bareFrame(kind byte, body string) []byte {
	frame := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
	return append(append(frame, 2, kind, 0, 0), body...)
}

// bareComposite is a frame whose body is a list of the given fields.
func bareComposite(code byte, count int, fields string, payload string) []byte {
	body := "\x00\x53" + string(code) + "\xd0" + string(binary.BigEndian.AppendUint32(nil, uint32(4+len(fields)))) +
		string(binary.BigEndian.AppendUint32(nil, uint32(count))) + fields
	return bareFrame(0, body+payload)
}

// amqp answers one frame or protocol header.
func (b *bare) amqp(c net.Conn, in *bufio.Reader) error {
	head, err := in.Peek(4)
	if err != nil {
		return err
	}
	if string(head) == "AMQP" {
		header := make([]byte, 8)
		if _, err := io.ReadFull(in, header); err != nil {
			return err
		}
		if header[4] == 3 {
			header = append(header, bareMechanisms...)
		}
		_, err = c.Write(header)
		return err
	}
	frame := make([]byte, binary.BigEndian.Uint32(head))
	if len(frame) < 11 { // an empty frame
		_, err := io.ReadFull(in, frame)
		return err
	}
	if _, err := io.ReadFull(in, frame); err != nil {
		return err
	}
	answer, err := b.reply(frame[10], frame[11:])
	if err != nil {
		return err
	}
	_, err = c.Write(answer)
	return err
}

// reply is what a frame with that performative, whose fields begin there, is answered with.
func (b *bare) reply(performative byte, fields []byte) (answer []byte, err error) {
	switch performative {
	case 0x41: // sasl-init
		return bareOutcome, nil
	case 0x10:
		return bareOpen, nil
	case 0x11:
		return bareBegin, nil
	case 0x12:
		return bareAttach(bareFields(fields)), nil
	case 0x14:
		return b.transfer(bareFields(fields))
	case 0x18:
		return bareClose, nil
	}
	return nil, nil
}

// bareFields skips the constructor of a list.
func bareFields(list []byte) []byte {
	if list[0] == 0xd0 {
		return list[9:]
	}
	return list[3:]
}

// bareNumber reads an unsigned integer.
func bareNumber(value []byte) (n uint32, rest []byte) {
	switch value[0] {
	case 0x52: // one byte
		return uint32(value[1]), value[2:]
	case 0x70: // four
		return binary.BigEndian.Uint32(value[1:]), value[5:]
	}
	return 0, value[1:]
}

func bareUint(n uint32) string { return "\x70" + string(binary.BigEndian.AppendUint32(nil, n)) }

// bareAttach answers name, handle and the other role, and a sender with credit.
func bareAttach(fields []byte) []byte {
	end := 2 + int(fields[1])
	name := string(fields[:end])
	handle, rest := bareNumber(fields[end:])
	const ends = "\x40\x00\x53\x28\x45\x00\x53\x29\x45" // the receiver's settle mode, source, target
	if rest[0] == 0x41 {                                // the client receives
		return bareComposite(0x12, 10, name+bareUint(handle)+"\x42\x40"+ends+"\x40\x42\x43", "")
	}
	attach := bareComposite(0x12, 7, name+bareUint(handle)+"\x41\x50\x00"+ends, "") // unsettled, as it asked
	flow := bareComposite(0x13, 7, "\x43"+bareUint(5000)+"\x43"+bareUint(5000)+bareUint(handle)+"\x43"+bareUint(1000), "")
	return append(attach, flow...)
}

// transfer accepts a request and answers it: register with assigning, after a write to the
// hub, a poll with assigned. The client attached its receiver first, with the handle 0.
func (b *bare) transfer(fields []byte) ([]byte, error) {
	_, rest := bareNumber(fields)
	id, _ := bareNumber(rest)
	_, correlation, _ := bytes.Cut(fields, []byte("\x40\xa1\x24")) // a null before a string of 36
	doc, properties := assigned, ""
	if bytes.Contains(fields, []byte("iotdps-register")) {
		if err := b.writeHub(); err != nil {
			return nil, err
		}
		doc, properties = assigning, "\x00\x53\x74\xc1\x10\x02\xa1\x0bretry-after\x54\x00"
	}
	if len(correlation) < 36 {
		return nil, fmt.Errorf("a request without a correlation-id of 36 characters")
	}
	message := "\x00\x53\x73\xc0\x2c\x06\x40\x40\x40\x40\x40\xa1\x24" + string(correlation[:36]) + properties +
		"\x00\x53\x75\xb0" + string(binary.BigEndian.AppendUint32(nil, uint32(len(doc)))) + doc
	accepted := bareComposite(0x15, 5, "\x41"+bareUint(id)+"\x40\x41\x00\x53\x24\x45", "")
	answer := bareComposite(0x14, 5, "\x43"+bareUint(id)+"\xa0\x04"+string(binary.BigEndian.AppendUint32(nil, id))+"\x43\x41", message)
	return append(accepted, answer...), nil
}
