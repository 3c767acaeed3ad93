package mqttserver_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/dpslab/dpslab/internal/mqttserver"
)

// The corpus of FuzzReader is packets that break one rule each.
func TestMalformedPacketsAreRefused(t *testing.T) {
	const folder = "testdata/fuzz/FuzzReader"
	kept, err := os.ReadDir(folder)
	if err != nil || len(kept) < 30 {
		t.Fatalf("%d packets, %v", len(kept), err)
	}
	for _, file := range kept {
		text, err := os.ReadFile(filepath.Join(folder, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		_, quoted, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
		input, err := strconv.Unquote(strings.TrimSuffix(strings.TrimPrefix(quoted, "[]byte("), ")"))
		if err != nil {
			t.Fatalf("%s: %v", file.Name(), err)
		}
		err = mqttserver.ReadPackets([]byte(input), 4096, func(packets.Packet) { t.Errorf("%s is taken", file.Name()) })
		if err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", file.Name(), err)
		}
	}
}
