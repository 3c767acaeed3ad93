package enrollment

import (
	"context"
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/dpslab/dpslab/internal/durable"
)

// Disk is a Store in a data file. A write that succeeded is on the disk.
type Disk struct {
	file *durable.File
	// groups are the file's groups once more: each device of a group asks for all of them.
	groups *Memory
}

// buckets hold the records by their folded ids.
var buckets = [2][]byte{Individual: []byte("individual enrollments"), Group: []byte("enrollment groups")}

// NewDisk returns the store in a file, which the caller closes after its last use.
func NewDisk(f *durable.File) (*Disk, error) {
	if err := f.Buckets(buckets[:]...); err != nil {
		return nil, err
	}
	d := &Disk{file: f, groups: NewMemory()}
	err := f.View(func(tx *bolt.Tx) error {
		return tx.Bucket(buckets[Group]).ForEach(func(_, b []byte) error {
			e, err := Unmarshal(b)
			if err != nil {
				return err
			}
			d.groups.set(e)
			return nil
		})
	})
	return d, err
}

func (d *Disk) Get(_ context.Context, k Kind, id string) (e Enrollment, err error) {
	err = d.file.View(func(tx *bolt.Tx) error {
		b := tx.Bucket(buckets[k]).Get([]byte(Fold(id)))
		if b == nil {
			return ErrNotFound
		}
		e, err = Unmarshal(b)
		return err
	})
	return e, err
}

func (d *Disk) Create(_ context.Context, e Enrollment) error {
	return d.put(e, func(b *bolt.Bucket) error {
		if b.Get([]byte(Fold(e.ID))) != nil {
			return ErrExists
		}
		return nil
	})
}

func (d *Disk) Replace(_ context.Context, e Enrollment, was string) error {
	return d.put(e, func(b *bolt.Bucket) error { return carries(b, e.ID, was) })
}

// put stores e where may has no objection.
func (d *Disk) put(e Enrollment, may func(b *bolt.Bucket) error) error {
	text, err := Marshal(e)
	if err != nil {
		return err
	}
	return d.file.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(buckets[e.Kind])
		if err := may(b); err != nil {
			return err
		}
		return b.Put([]byte(Fold(e.ID)), text)
	}, func() {
		if e.Kind == Group {
			d.groups.set(e)
		}
	})
}

func (d *Disk) Delete(_ context.Context, k Kind, id, was string) error {
	return d.file.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(buckets[k])
		if err := carries(b, id, was); err != nil && (was != "" || err != ErrChanged) {
			return err
		}
		return b.Delete([]byte(Fold(id)))
	}, func() {
		if k == Group {
			d.groups.remove(k, id)
		}
	})
}

// carries holds the record's ETag against was.
func carries(b *bolt.Bucket, id, was string) error {
	text := b.Get([]byte(Fold(id)))
	if text == nil {
		return ErrNotFound
	}
	var tagged struct{ ETag string }
	if err := json.Unmarshal(text, &tagged); err != nil {
		return fmt.Errorf("enrollment %q cannot be read: %w", id, err)
	}
	if tagged.ETag != was {
		return ErrChanged
	}
	return nil
}

func (d *Disk) List(_ context.Context, k Kind, after string, limit int) (list []Enrollment, err error) {
	err = d.file.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(buckets[k]).Cursor()
		for id, b := c.Seek([]byte(Fold(after))); id != nil && len(list) < limit; id, b = c.Next() {
			if string(id) == Fold(after) {
				continue
			}
			e, err := Unmarshal(b)
			if err != nil {
				return err
			}
			list = append(list, e)
		}
		return nil
	})
	return list, err
}

func (d *Disk) SymmetricKeyGroups(ctx context.Context) ([]Enrollment, error) {
	return d.groups.SymmetricKeyGroups(ctx)
}

func (d *Disk) SigningGroups(ctx context.Context, rawSubject []byte) ([]Enrollment, error) {
	return d.groups.SigningGroups(ctx, rawSubject)
}
