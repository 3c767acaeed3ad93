package transcript

import (
	"regexp"
	"slices"
	"strings"
)

// redacted stands where a secret was.
const redacted = "REDACTED"

// secretName matches the names of JSON members, fields and parameters that hold secrets,
// in any case, with or without separators.
const secretName = `(?:primary|secondary|authentication|shared[_-]?access|account|private)[_-]?key|connection[_-]?string|sas[_-]?token|password|token`

var (
	secretNamed = regexp.MustCompile(`(?i)^(?:` + secretName + `)$`)

	// The values end where the text around them goes on. The = may be percent-encoded or
	// escaped for JSON, as in a token that travels inside another text.
	textRules = []struct {
		hints   []string // without one of them, in lower case, the pattern cannot match
		pattern *regexp.Regexp
		with    string
	}{
		{[]string{"-----begin"},
			regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`), redacted},
		{[]string{"sig", "key", "token", "password", "string"},
			regexp.MustCompile(`(?i)((?:sig|SharedAccessSignature|` + secretName + `)(?:=|%3d|\\u003d))[^&\s"'<>;,\\]+`), "${1}" + redacted},
		{[]string{"code=", "code%3d", `code\u003d`},
			regexp.MustCompile(`(?i)((?:^|[?&]|%3f|%26|\\u0026)code(?:=|%3d|\\u003d))[^&\s"'<>;,\\#]+`), "${1}" + redacted},
		{[]string{"key", "token", "password", "string"},
			regexp.MustCompile(`(?i)(["'](?:` + secretName + `)\\*["']\s*:\s*\\*["'])[^"']*[^"'\\]`), "${1}" + redacted},
		{[]string{"bearer", "basic"},
			regexp.MustCompile(`(?i)\b(Bearer|Basic)(\s+)(?:[A-Za-z0-9._~+/=-]{16,}|[A-Za-z0-9._~+/=-]+$)`), "${1}${2}" + redacted},
		{[]string{"://"},
			regexp.MustCompile(`(://)[^/\s@"'<>]+@`), "${1}" + redacted + "@"},
	}
)

// RedactText replaces what looks like a secret in free text, such as a log message or a
// report: signatures of SAS tokens, keys in connection strings, bearer tokens, function
// keys in URLs, user information in URLs, private keys, and the values of named secrets.
func RedactText(s string) string {
	// Most texts hold no secret, and looking for a hint costs a hundredth of a pattern.
	lower := strings.ToLower(s)
	for _, rule := range textRules {
		if slices.ContainsFunc(rule.hints, func(hint string) bool { return strings.Contains(lower, hint) }) {
			s = rule.pattern.ReplaceAllString(s, rule.with)
		}
	}
	return s
}

// redactTarget redacts a path with a query: an HTTP request target, or an MQTT topic of
// the same form.
func redactTarget(target string) string {
	path, query, found := strings.Cut(target, "?")
	if !found {
		return target
	}
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		if name, _, found := strings.Cut(pair, "="); found && secretParameter(name) {
			pairs[i] = name + "=" + redacted
		}
	}
	return path + "?" + strings.Join(pairs, "&")
}

// redactHeader redacts the value of an HTTP header by what the header is for.
func redactHeader(name, value string) string {
	switch strings.ToLower(name) {
	case "authorization", "proxy-authorization":
		return redactCredential(value)
	case "cookie", "set-cookie", "x-functions-key":
		return redacted
	case "location", "referer", "content-location":
		return redactTarget(value)
	}
	if secretNamed.MatchString(name) {
		return redacted
	}
	return value
}

// redactCredential redacts the value of an Authorization header, or an MQTT password. Of
// a SAS token what is not secret stays: sr, se and skn.
func redactCredential(value string) string {
	if value == "" {
		return ""
	}
	scheme, rest, _ := strings.Cut(value, " ")
	switch strings.ToLower(scheme) {
	case "sharedaccesssignature":
		fields := strings.Split(rest, "&")
		for i, field := range fields {
			name, value, _ := strings.Cut(field, "=")
			switch {
			case name == "sig":
				fields[i] = "sig=" + redacted
			case name == "sr" && harmlessResource.MatchString(value):
			case name == "se" && harmlessExpiry.MatchString(value):
			case name == "skn" && harmlessPolicy.MatchString(value):
			default:
				fields[i] = redacted
			}
		}
		return scheme + " " + strings.Join(fields, "&")
	case "bearer", "basic", "digest", "negotiate":
		return scheme + " " + redacted
	}
	return redacted
}

// A malformed token may hold its signature in any field, so fields are kept only when
// they look like what they should be.
var (
	harmlessResource = regexp.MustCompile(`^[A-Za-z0-9%/._:~*@$+-]{1,512}$`)
	harmlessExpiry   = regexp.MustCompile(`^[0-9]{1,20}$`)
	harmlessPolicy   = regexp.MustCompile(`^[A-Za-z0-9._-]{0,64}$`)
)
