package serviceapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/dpslab/dpslab/fakehub/huberror"
	"github.com/dpslab/dpslab/internal/etag"
)

// The largest bodies that are read.
const (
	maxBody = 256 << 10 // one identity, twin, query or method call
	maxBulk = 8 << 20   // a hundred identities with twins
)

// read decodes the body, a JSON value of at most limit bytes, into v. Numbers in untyped
// places stay as written.
func (q *request) read(limit int64, v any) error {
	body, err := io.ReadAll(http.MaxBytesReader(nil, q.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return huberror.New(huberror.MessageTooLarge, "the body is larger than %d bytes", limit)
	case err != nil:
		return huberror.New(huberror.GenericBadRequest, "the body broke off")
	case len(bytes.TrimSpace(body)) == 0:
		return huberror.New(huberror.ArgumentNull, "the body is empty")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		return huberror.New(huberror.FormatError, "the body is not the JSON that is expected here: %s", describe(err))
	}
	if _, err := d.Token(); err != io.EOF {
		return huberror.New(huberror.FormatError, "something follows the JSON value of the body")
	}
	return nil
}

// describe says what json found wrong without the value that it found.
func describe(err error) string {
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		return "the member " + wrongType.Field + " is a " + wrongType.Value
	}
	return "it cannot be parsed"
}

// condition reads If-Match and says whether it was there.
func (q *request) condition() (c etag.Condition, given bool, err error) {
	if c, err = etag.ParseIfMatch(q.Header); err != nil {
		return c, false, huberror.New(huberror.ArgumentInvalid, "If-Match: %v", err)
	}
	return q.bent(c), c.Given(), nil
}

// conditionOf reads an etag that stands in a body.
func conditionOf(text string) (etag.Condition, error) {
	if text == "" {
		return etag.Condition{}, huberror.New(huberror.ArgumentNull, "the import mode needs an etag")
	}
	c, err := etag.Parse(text)
	if err != nil {
		return c, huberror.New(huberror.ArgumentInvalid, "%v", err)
	}
	return c, nil
}
