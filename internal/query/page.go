package query

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"strconv"
)

const (
	// DefaultPage is the size of a page whose reader asks for none, and MaxPage the most
	// that a reader gets (service-api.md 1.4).
	DefaultPage = 100
	MaxPage     = 1000
)

// PageSize reads the header x-ms-max-item-count; absent is DefaultPage, and more than
// MaxPage is MaxPage.
func PageSize(header string) (int, error) {
	if header == "" {
		return DefaultPage, nil
	}
	n, err := strconv.ParseInt(header, 10, 32)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("x-ms-max-item-count %q is not a whole number above 0", header)
	}
	return min(int(n), MaxPage), nil
}

// Page is one page of a query's result. Continuation is empty on the last page, and the
// header x-ms-continuation must then be left out: readers loop over an empty one.
type Page[T any] struct {
	Items        []T // never nil: an empty page is [], not null
	Continuation string
}

// Select makes a page of at most size items. items come in ascending order of their key,
// all of them each time; doc is an item as decoded JSON, for the query to look at. text
// and collection are what the continuation is bound to; continuation is the one that the
// request brought, or "".
func Select[T any](q Query, text, collection, continuation string, size int, items iter.Seq2[string, T], doc func(T) map[string]any) (Page[T], error) {
	page := Page[T]{Items: []T{}}
	from, err := DecodeContinuation(continuation, text, collection)
	if err != nil {
		return page, err
	}
	last := from
	for key, item := range items {
		if continuation != "" && key <= from.After || !q.Matches(doc(item)) {
			continue
		}
		if len(page.Items) == size { // there is more
			page.Continuation = EncodeContinuation(last, text, collection)
			break
		}
		page.Items = append(page.Items, item)
		last.After = key
	}
	return page, nil
}

// Token is where a page ended: the key of its last item. Items that come or go between
// two pages so move no others.
type Token struct{ After string }

// ErrContinuation is the error for a continuation that is damaged, or was given out for
// another query or collection.
var ErrContinuation = errors.New("the continuation token is invalid, or belongs to another query")

// maxContinuation is well above an id and far below a header's limit.
const maxContinuation = 2 << 10

// EncodeContinuation makes the opaque text that x-ms-continuation carries: ASCII that can
// stand in a header and a URL.
func EncodeContinuation(t Token, text, collection string) string {
	return base64.RawURLEncoding.EncodeToString(append(binding(t, text, collection), t.After...))
}

// DecodeContinuation reads what EncodeContinuation made for the same query and
// collection. "" is the beginning. The only error is ErrContinuation.
func DecodeContinuation(continuation, text, collection string) (Token, error) {
	if continuation == "" {
		return Token{}, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(continuation)
	if err != nil || len(continuation) > maxContinuation || len(b) < bindingSize {
		return Token{}, ErrContinuation
	}
	t := Token{After: string(b[bindingSize:])}
	if string(binding(t, text, collection)) != string(b[:bindingSize]) {
		return Token{}, ErrContinuation
	}
	return t, nil
}

const bindingSize = 12

// binding ties a token to its query. It guards against mistakes, not against forgers: a
// forged token shows nothing that its reader may not query anyway.
func binding(t Token, text, collection string) []byte {
	h := sha256.New()
	for _, part := range []string{collection, text, t.After} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	return h.Sum(nil)[:bindingSize]
}
