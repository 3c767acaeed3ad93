package enrollment

import (
	"context"
	"errors"
)

// Errors of a Store.
var (
	ErrNotFound = errors.New("no such enrollment")
	ErrExists   = errors.New("enrollment already exists")
	ErrChanged  = errors.New("enrollment changed meanwhile")
)

// Store keeps enrollments of both kinds. Writes are compare-and-swap on the ETag, so that
// every implementation, one with several writers too, gives the same guarantee. A record
// that was got may be shared: nobody writes to what its pointers and slices lead to.
type Store interface {
	Get(ctx context.Context, k Kind, id string) (Enrollment, error)
	// Create stores a new record, or answers ErrExists.
	Create(ctx context.Context, e Enrollment) error
	// Replace stores e over the record that carries the ETag was, or answers ErrNotFound or ErrChanged.
	Replace(ctx context.Context, e Enrollment, was string) error
	// Delete removes the record that carries the ETag was; an empty was removes any.
	Delete(ctx context.Context, k Kind, id, was string) error
	// List returns up to limit records in the order of their folded ids, beginning after
	// the id given; an empty id begins at the first.
	List(ctx context.Context, k Kind, after string, limit int) ([]Enrollment, error)
	// SymmetricKeyGroups returns the groups whose devices derive a key.
	SymmetricKeyGroups(ctx context.Context) ([]Enrollment, error)
	// SigningGroups returns the groups that hold a signing certificate with this subject,
	// in its DER form.
	SigningGroups(ctx context.Context, rawSubject []byte) ([]Enrollment, error)
}
