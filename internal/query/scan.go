package query

import (
	"fmt"
	"strconv"
	"strings"
)

type tokenKind uint8

const (
	tokenEnd    tokenKind = iota
	tokenWord             // a keyword or a segment of a path
	tokenSymbol           // an operator or punctuation
	tokenText             // a string
	tokenNumber
)

// token is one word of a query.
type token struct {
	kind   tokenKind
	text   string // as it was written; of a string, what it means
	number float64
	at     int // from 1
}

// is reports whether the token is that keyword.
func (t token) is(keyword string) bool {
	return t.kind == tokenWord && strings.EqualFold(t.text, keyword)
}

// scan cuts a query into tokens and ends them with tokenEnd.
func scan(text string) ([]token, error) {
	var tokens []token
	for i := 0; ; {
		for i < len(text) && strings.IndexByte(" \t\r\n", text[i]) >= 0 {
			i++
		}
		at := i + 1
		if i == len(text) {
			return append(tokens, token{kind: tokenEnd, at: at}), nil
		}
		t := token{at: at}
		switch c := text[i]; {
		case letter(c):
			t.kind, t.text = tokenWord, run(text[i:], func(c byte) bool { return letter(c) || digit(c) || c == '-' })
			i += len(t.text)
		case digit(c) || c == '-' && i+1 < len(text) && digit(text[i+1]):
			t.kind, t.text = tokenNumber, numeral(text[i:])
			i += len(t.text)
			var err error
			if t.number, err = strconv.ParseFloat(t.text, 64); err != nil {
				return nil, fmt.Errorf("at %d: %.40q is no number", at, t.text)
			}
		case c == '\'' || c == '"' || c == '`':
			content, length := quoted(text[i:])
			if length == 0 {
				return nil, fmt.Errorf("at %d: the string has no closing %c", at, c)
			}
			t.kind, t.text = tokenText, content
			i += length
		default:
			t.kind = tokenSymbol
			for _, symbol := range []string{"!=", "<>", "<=", ">=", "=", "<", ">", "*", "(", ")", "[", "]", ",", "."} {
				if strings.HasPrefix(text[i:], symbol) {
					t.text = symbol
					break
				}
			}
			if t.text == "" {
				return nil, fmt.Errorf("at %d: %q has no meaning in a query", at, text[i:i+1])
			}
			i += len(t.text)
		}
		tokens = append(tokens, t)
	}
}

func letter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c == '$'
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// run is the longest beginning of s whose bytes all are such.
func run(s string, such func(byte) bool) string {
	for i := range len(s) {
		if !such(s[i]) {
			return s[:i]
		}
	}
	return s
}

// numeral is the number at the beginning of s, as JSON writes numbers.
func numeral(s string) string {
	n := 0
	if s[0] == '-' {
		n++
	}
	n += len(run(s[n:], digit))
	if fraction := strings.TrimPrefix(s[n:], "."); len(fraction) < len(s[n:]) {
		if digits := run(fraction, digit); digits != "" {
			n += 1 + len(digits)
		}
	}
	if exponent := strings.TrimLeft(s[n:], "eE"); len(exponent) == len(s[n:])-1 {
		unsigned := strings.TrimLeft(exponent, "+-")
		if digits := run(unsigned, digit); digits != "" && len(exponent)-len(unsigned) <= 1 {
			n += 1 + len(exponent) - len(unsigned) + len(digits)
		}
	}
	return s[:n]
}

// quoted is the content of the string at the beginning of s, and its length with the
// quotes; 0 when it does not end.
func quoted(s string) (content string, length int) {
	quote := s[:1]
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] != quote[0]:
			b.WriteByte(s[i])
		case strings.HasPrefix(s[i+1:], quote):
			b.WriteByte(s[i])
			i++
		default:
			return b.String(), i + 1
		}
	}
	return "", 0
}
