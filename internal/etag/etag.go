// Package etag makes the entity tags of stored records and reads the If-Match headers
// that are held against them, in every form that clients write (service-api.md 1.3).
package etag

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"time"
)

// ETag is an entity tag without quotes, such as "13003fea-0000-0300-0000-62d1d5e50000".
type ETag string

// New returns a tag of the shape that the service's own have: 8-4-4-4-12 hexadecimal
// digits, the last group holding the Unix seconds. The rest is drawn from rand, so two
// writes in one second differ. A rand that fails is a panic.
func New(rand io.Reader, now time.Time) ETag {
	var b [16]byte
	if _, err := io.ReadFull(rand, b[:7]); err != nil {
		panic(fmt.Sprintf("etag: no random bytes: %v", err))
	}
	binary.BigEndian.PutUint32(b[10:14], uint32(now.Unix()))
	h := hex.EncodeToString(b[:])
	return ETag(h[0:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:32])
}

// Quoted is the tag as enrollments and groups carry it in JSON: with its quotes.
func (e ETag) Quoted() string { return `"` + string(e) + `"` }

// Base64 is the tag as registration states carry it: base64 of the quoted form.
func (e ETag) Base64() string { return base64.StdEncoding.EncodeToString([]byte(e.Quoted())) }
