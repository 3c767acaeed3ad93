package transcript

import (
	"fmt"
	"regexp"
	"strings"
)

// plainInteger forgets the type of an integer where that does not matter.
func plainInteger(v any) any {
	if i, ok := v.(amqpInteger); ok {
		return i.n
	}
	return v
}

// showAMQP writes a value on one line. What is named like a secret, what is a token, and
// all that is binary is not shown.
func showAMQP(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return showAMQPText(v)
	case amqpSymbol:
		if harmlessSymbol.MatchString(string(v)) {
			return string(v)
		}
		return showAMQPText(string(v))
	case amqpBinary:
		return fmt.Sprintf("%d bytes", len(v))
	case amqpInteger:
		return fmt.Sprintf("%s:%d", v.kind, v.n)
	case amqpNumber:
		return v.kind + ":" + v.text
	case amqpList:
		return "[" + showAMQPItems(v) + "]"
	case amqpArray:
		return "[" + showAMQPItems(v) + "]"
	case amqpMap:
		return "{" + strings.Join(v.pairs(), " ") + "}"
	case amqpDescribed:
		if name, fields := v.composite(); name != "" && fields.names != nil {
			return strings.TrimSpace(name + " " + strings.Join(fields.pairs(), " "))
		}
		return showAMQP(v.descriptor) + "@" + showAMQP(v.value)
	}
	return fmt.Sprint(v)
}

// showAMQPText quotes a text, without the token that it may be.
func showAMQPText(s string) string {
	if strings.HasPrefix(strings.ToLower(strings.TrimSpace(s)), "sharedaccesssignature") {
		s = redactCredential(strings.TrimSpace(s))
	}
	return `"` + strings.ReplaceAll(string(RedactJSON([]byte(s))), `"`, `\"`) + `"`
}

func showAMQPItems(items []any) string {
	var shown []string
	for _, item := range items {
		shown = append(shown, showAMQP(item))
	}
	return strings.Join(shown, " ")
}

// pairs are the entries of a map, name=value each.
func (m amqpMap) pairs() []string {
	var pairs []string
	for i := 0; i+1 < len(m); i += 2 {
		name := ""
		switch key := m[i].(type) {
		case string:
			name = key
		case amqpSymbol:
			name = string(key)
		}
		value := showAMQP(m[i+1])
		if secretNamed.MatchString(strings.TrimSpace(name)) {
			value = redacted
		}
		if name == "" {
			name = showAMQP(m[i])
		}
		pairs = append(pairs, name+"="+value)
	}
	return pairs
}

func (m amqpMap) get(name string) any {
	for i := 0; i+1 < len(m); i += 2 {
		if m[i] == any(name) || m[i] == any(amqpSymbol(name)) {
			return m[i+1]
		}
	}
	return nil
}

// harmlessSymbol is a symbol that is shown without quotes.
var harmlessSymbol = regexp.MustCompile(`^[a-zA-Z][A-Za-z0-9:/._*-]{0,63}$`)
