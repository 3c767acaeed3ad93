package transcript

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
)

// RedactJSON replaces the values of members that hold secrets, by name, at any depth, and
// what RedactText knows everywhere else. It keeps the layout, and works on text that is
// cut short or is no JSON at all.
func RedactJSON(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); {
		if b[i] != '"' {
			out = append(out, b[i])
			i++
			continue
		}
		end := stringEnd(b, i)
		literal := b[i:end]
		value, isName := afterColon(b, end)
		if !isName || !secretMember(literal) {
			out = append(out, redactLiteral(literal)...)
			i = end
			continue
		}
		out = append(out, b[i:value]...)
		i = valueEnd(b, value)
		// An absent or empty secret is no secret, and telling it apart from one helps.
		if v := b[value:i]; len(v) == 0 || string(v) == "null" || string(v) == `""` {
			out = append(out, v...)
		} else {
			out = append(out, `"`+redacted+`"`...)
		}
	}
	return []byte(RedactText(string(out)))
}

// stringEnd is the index after the string literal that begins at i.
func stringEnd(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

// afterColon finds the value of a member whose name ended before i.
func afterColon(b []byte, i int) (value int, isName bool) {
	i = space(b, i)
	if i == len(b) || b[i] != ':' {
		return 0, false
	}
	return space(b, i+1), true
}

func space(b []byte, i int) int {
	for i < len(b) && strings.IndexByte(" \t\r\n", b[i]) >= 0 {
		i++
	}
	return i
}

// valueEnd is the index after the value that begins at i, whatever kind it is.
func valueEnd(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			i = stringEnd(b, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
			i++
		case ',':
			if depth == 0 {
				return i
			}
			i++
			continue
		default:
			i++
			if depth > 0 || i == len(b) || strings.IndexByte(",}]", b[i]) < 0 {
				continue
			}
		}
		if depth == 0 {
			return i
		}
	}
	return i
}

// redactLiteral redacts inside a string literal. Only one with escapes has to be taken
// apart for that; RedactText sees the others as they are.
func redactLiteral(literal []byte) []byte {
	if bytes.IndexByte(literal, '\\') < 0 {
		return literal
	}
	var text string
	if json.Unmarshal(literal, &text) != nil {
		return literal
	}
	clean := string(RedactJSON([]byte(text))) // it may be JSON again
	if clean == text {
		return literal
	}
	quoted, _ := json.Marshal(clean) // a string always marshals
	return quoted
}

func secretMember(literal []byte) bool {
	var name string
	if json.Unmarshal(literal, &name) != nil {
		name = strings.Trim(string(literal), `"`)
	}
	return secretNamed.MatchString(strings.TrimSpace(name))
}

// secretParameter reports whether a query parameter of that name, percent-encoded or
// not, holds a secret.
func secretParameter(name string) bool {
	if plain, err := url.QueryUnescape(name); err == nil {
		name = plain
	}
	return strings.EqualFold(name, "sig") || strings.EqualFold(name, "code") || secretNamed.MatchString(name)
}
