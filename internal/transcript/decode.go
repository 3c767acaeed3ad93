package transcript

import "fmt"

// decoder turns the bytes of one direction of one connection into messages, however
// they were cut into reads. It is passive: it never fails its caller, and what it cannot
// decode it says once, as KindGarbage, and then lets pass.
type decoder interface {
	feed(b []byte, emit func(message))
	// end tells the decoder that the connection is over.
	end(emit func(message))
}

// message is one decoded message before RedactText and escaping. A decoder has already
// replaced the secrets whose place it knows.
type message struct {
	kind    string
	summary string
	lines   []string
	body    []byte // the first keptBody bytes at most
	size    int64  // of the whole body
}

// keptBody is what decoders keep of a body: more than is shown, so that a secret that
// crosses the end of what is shown is still recognized.
const keptBody = 64 << 10

// decoders returns the pair for a connection: what the recording side received and sent.
func decoders(p Protocol, side Side) (received, sent decoder) {
	switch p {
	case HTTP:
		return httpDecoders(side)
	case AMQP:
		return &amqpDecoder{}, &amqpDecoder{}
	case MQTT:
		return &mqttDecoder{}, &mqttDecoder{}
	}
	return undecoded{}, undecoded{}
}

// garbage is the message of a decoder that gives up. why must not quote bytes.
func garbage(why string) message {
	return message{kind: KindGarbage, summary: why + "; the rest of this direction is not decoded"}
}

// undecoded is the decoder for protocols that have none: it counts.
type undecoded struct{}

func (undecoded) feed(b []byte, emit func(message)) {
	emit(message{kind: KindNote, summary: fmt.Sprintf("%d bytes", len(b))})
}

func (undecoded) end(func(message)) {}
