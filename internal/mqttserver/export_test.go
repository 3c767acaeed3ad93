package mqttserver

import (
	"bufio"
	"bytes"

	"github.com/mochi-mqtt/server/v2/packets"
)

// ReadPackets decodes input as a session would, until the first error, and tells each packet.
func ReadPackets(input []byte, max int, each func(packets.Packet)) error {
	r := reader{from: bufio.NewReaderSize(bytes.NewReader(input), readAhead), max: max}
	for {
		first, err := r.from.ReadByte()
		if err != nil {
			return err
		}
		var pk packets.Packet
		if err := r.packet(first, &pk); err != nil {
			return err
		}
		each(pk)
	}
}

// Limits that tests count up to.
const (
	MaxTasks   = maxTasks
	MaxFilters = maxFilters
	MaxUnacked = maxUnacked
)
