package html

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// shown makes text fit to be seen: invalid UTF-8 becomes \xNN and what does not print
// \u{N}, so that nothing hides and nothing changes the direction of what stands around it.
// Line feeds and tabs stay. It is cut, saying so, where it would take more than limit bytes
// in a page.
func shown(s string, limit int) string {
	text, _ := fit(s, limit)
	return text
}

// fit is shown, and the bytes that it takes in a page.
func fit(s string, limit int) (text string, taken int) {
	size := len(s)
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		part := s[:n]
		switch {
		case r == utf8.RuneError && n == 1:
			part = fmt.Sprintf(`\x%02x`, s[0])
		case r == '\r' && strings.HasPrefix(s, "\r\n"):
			part = ""
		case r != '\n' && r != '\t' && !strconv.IsPrint(r):
			part = fmt.Sprintf(`\u{%x}`, r)
		}
		cost := len(part)
		if strings.ContainsRune(`"'&<>+`, r) {
			cost = len("&#34;")
		}
		if taken+cost > limit {
			return b.String() + fmt.Sprintf(" … [cut: %d bytes in all]", size), taken + len(" … [cut: 1000000 bytes in all]")
		}
		b.WriteString(part)
		taken += cost
		s = s[n:]
	}
	return b.String(), taken
}

// plural is "1 check" and "2 checks".
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + one + "s"
}

// number groups the digits of thousands: 12,345.
func number(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
