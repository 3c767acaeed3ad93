package sas

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// ConnectionString says where a service or hub answers and by which policy it lets in
// (service-api.md 3.1). It hides its key wherever it is printed or marshalled; Reveal shows it.
type ConnectionString struct {
	HostName            string
	SharedAccessKeyName string
	SharedAccessKey     []byte // decoded
}

// ParseConnectionString reads "HostName=…;SharedAccessKeyName=…;SharedAccessKey=…", its
// parts in any order and their names in any case. Errors never quote it.
func ParseConnectionString(s string) (ConnectionString, error) {
	if len(s) > maxLength {
		return ConnectionString{}, errors.New("the connection string is longer than 8 KiB")
	}
	var c ConnectionString
	var key string
	parts := []struct {
		name  string
		value *string
	}{{"HostName", &c.HostName}, {"SharedAccessKeyName", &c.SharedAccessKeyName}, {"SharedAccessKey", &key}}

	position := 0
next:
	for part := range strings.SplitSeq(s, ";") {
		position++
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if name == "" && value == "" {
			continue
		}
		for _, p := range parts {
			if !strings.EqualFold(p.name, name) {
				continue
			}
			if *p.value != "" {
				return ConnectionString{}, fmt.Errorf("the connection string has %s twice", p.name)
			}
			*p.value = value
			continue next
		}
		// The part is not quoted: it may be a piece of a key.
		return ConnectionString{}, fmt.Errorf("part %d of the connection string is none of HostName, SharedAccessKeyName, SharedAccessKey", position)
	}
	for _, p := range parts {
		if *p.value == "" {
			return ConnectionString{}, fmt.Errorf("the connection string has no %s", p.name)
		}
	}
	decoded, err := base64.StdEncoding.DecodeString(key)
	if err != nil || len(decoded) == 0 {
		return ConnectionString{}, errors.New("the connection string's SharedAccessKey is not base64")
	}
	c.SharedAccessKey = decoded
	return c, nil
}

// Reveal is the connection string with its key.
func (c ConnectionString) Reveal() string {
	return c.with(base64.StdEncoding.EncodeToString(c.SharedAccessKey))
}

// String is the connection string without its key.
func (c ConnectionString) String() string { return c.with("REDACTED") }

// GoString is String: %#v shows no key either.
func (c ConnectionString) GoString() string { return c.String() }

// MarshalText keeps the key out of JSON and of log records.
func (c ConnectionString) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

func (c ConnectionString) with(key string) string {
	return "HostName=" + c.HostName + ";SharedAccessKeyName=" + c.SharedAccessKeyName + ";SharedAccessKey=" + key
}
