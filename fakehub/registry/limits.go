package registry

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode"

	"github.com/dpslab/dpslab/fakehub/huberror"
)

// The limits of tags, desired and reported properties (iot-hub.md 4.3).
const (
	maxTags       = 8 << 10
	maxProperties = 32 << 10
	maxDepth      = 10
	maxKey        = 1 << 10
	maxString     = 4 << 10
	minInteger    = -4503599627370496
	maxInteger    = 4503599627370495
)

// readOnly are the members that a twin read back and written again brings along. The
// hub owns them: they are left out of every write.
var readOnly = []string{"$metadata", "$version"}

// writable returns what a client may write of the object, checked. what names it in errors.
func writable(what string, object map[string]any) (map[string]any, error) {
	if object == nil {
		return nil, nil
	}
	kept := make(map[string]any, len(object))
	for name, value := range object {
		kept[name] = value
	}
	for _, name := range readOnly {
		delete(kept, name)
	}
	return kept, checkObject(what, kept, 0)
}

func checkObject(path string, object map[string]any, depth int) error {
	if depth > maxDepth {
		return huberror.New(huberror.ArgumentInvalid, "%.60s… is nested deeper than %d levels", path, maxDepth)
	}
	for name, value := range object {
		if err := checkKey(path, name); err != nil {
			return err
		}
		if err := checkValue(path+"."+name, value, depth); err != nil {
			return err
		}
	}
	return nil
}

func checkKey(path, name string) error {
	if len(name) > maxKey {
		return huberror.New(huberror.ArgumentInvalid, "a key in %.60s is longer than %d bytes", path, maxKey)
	}
	for _, c := range name {
		if c == '.' || c == '$' || c == ' ' || unicode.IsControl(c) {
			return huberror.New(huberror.ArgumentInvalid, "the key %.60q in %.60s holds %q", name, path, c)
		}
	}
	return nil
}

func checkValue(path string, value any, depth int) error {
	switch value := value.(type) {
	case nil, bool:
		return nil
	case string:
		if len(value) > maxString {
			return huberror.New(huberror.ArgumentInvalid, "the string at %.60s is longer than %d bytes", path, maxString)
		}
		return nil
	case json.Number:
		return checkNumber(path, value.String())
	case map[string]any:
		return checkObject(path, value, depth+1)
	case []any:
		if depth >= maxDepth {
			return huberror.New(huberror.ArgumentInvalid, "%.60s… is nested deeper than %d levels", path, maxDepth)
		}
		for _, element := range value {
			if err := checkValue(path, element, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	return huberror.New(huberror.ArgumentInvalid, "%.60s is no JSON value", path)
}

func checkNumber(path, text string) error {
	if strings.ContainsAny(text, ".eE") {
		if f, err := strconv.ParseFloat(text, 64); err != nil || math.IsInf(f, 0) {
			return huberror.New(huberror.ArgumentInvalid, "the number %.40q at %.60s is out of range", text, path)
		}
		return nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err != nil || n < minInteger || n > maxInteger {
		return huberror.New(huberror.ArgumentInvalid, "the integer %.40q at %.60s is outside %d…%d", text, path, int64(minInteger), int64(maxInteger))
	}
	return nil
}

// checkSize refuses an object that counts more than limit bytes.
func checkSize(what string, object map[string]any, limit int) error {
	if n := size(object); n > limit {
		return huberror.New(huberror.ArgumentInvalid, "%s would be %d bytes large; at most %d are allowed", what, n, limit)
	}
	return nil
}

// size counts as the hub does: keys and strings in bytes without control characters,
// numbers 8, booleans 4, objects and arrays what is in them.
func size(value any) int {
	switch value := value.(type) {
	case bool:
		return 4
	case json.Number:
		return 8
	case string:
		return textSize(value)
	case []any:
		n := 0
		for _, element := range value {
			n += size(element)
		}
		return n
	case map[string]any:
		n := 0
		for name, member := range value {
			n += textSize(name) + size(member)
		}
		return n
	}
	return 0
}

func textSize(s string) int {
	n := len(s)
	for _, c := range s {
		if unicode.IsControl(c) {
			n -= len(string(c))
		}
	}
	return n
}
