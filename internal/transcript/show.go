package transcript

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	shownBody = 16 << 10
	shownLine = 8 << 10
)

// showLine makes text fit for one line of a terminal, log or page: what does not print is
// escaped, and so is what would end the line.
func showLine(s string) string { return show(cut(s, shownLine, len(s)), "") }

// showBody redacts a body, cuts it and makes it printable. kept is its beginning, size
// its full length.
func showBody(kept []byte, size int64) string {
	if len(kept) == 0 {
		return ""
	}
	text := string(RedactJSON(bytes.ReplaceAll(kept, []byte("\r\n"), []byte("\n"))))
	if size > int64(len(kept)) && len(text) <= shownBody {
		return show(text, "\n\t") + cutNote(size)
	}
	return show(cut(text, shownBody, int(size)), "\n\t")
}

// cut shortens s to limit bytes at a character's end and says how many there were.
func cut(s string, limit, size int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit] + cutNote(int64(size))
}

func cutNote(size int64) string { return fmt.Sprintf(" … [cut: %d bytes in all]", size) }

// show escapes invalid UTF-8 as \xNN, and what does not print as \uNNNN, except what keep holds.
func show(s, keep string) string {
	plain := func(r rune) bool { return strconv.IsPrint(r) || strings.ContainsRune(keep, r) }
	if utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case plain(r):
			b.WriteString(s[:n])
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		s = s[n:]
	}
	return b.String()
}
