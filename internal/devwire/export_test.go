package devwire

import (
	"bufio"
	"io"
)

// ReadFrame shows readFrame to the tests.
func ReadFrame(r io.Reader) ([]byte, error) { return readFrame(bufio.NewReader(r)) }

// ParseTwin and the topics' parsers are shown to the tests for fuzzing.
var ParseTwin = parseTwin

func ParseTwinTopic(topic string) (status int, rid string, version int64, err error) {
	t, err := parseTwinTopic(topic)
	return t.status, t.rid, t.version, err
}

func ParseMethodTopic(topic string) (name, rid string, ok bool) { return parseMethodTopic(topic) }

func ParseErrorDocument(b []byte) (*ErrorDocument, error) { return parseErrorDocument(b) }
