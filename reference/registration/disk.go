package registration

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/dpslab/dpslab/internal/durable"
)

// Disk is a Store in a data file. A write that succeeded is on the disk.
type Disk struct {
	file *durable.File
	now  atomic.Int64 // Unix nanoseconds: the newest time that somebody asked at
}

var (
	recordsBucket    = []byte("registrations")          // by folded registration id
	groupsBucket     = []byte("registrations by group") // folded group id, NUL, folded registration id
	operationsBucket = []byte("operations")
	forgetBucket     = []byte("operations by end") // Unix nanoseconds, big-endian, operation id
)

// NewDisk returns the store in a file, which the caller closes after its last use.
func NewDisk(f *durable.File) (*Disk, error) {
	return &Disk{file: f}, f.Buckets(recordsBucket, groupsBucket, operationsBucket, forgetBucket)
}

func (d *Disk) Get(_ context.Context, id string) (r Record, err error) {
	err = d.file.View(func(tx *bolt.Tx) error {
		r, err = find(tx, fold(id))
		return err
	})
	return r, err
}

// find reads the record of a folded id, or answers ErrNotFound.
func find(tx *bolt.Tx, id string) (r Record, err error) {
	b := tx.Bucket(recordsBucket).Get([]byte(id))
	if b == nil {
		return Record{}, ErrNotFound
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return Record{}, fmt.Errorf("registration %q cannot be read: %w", id, err)
	}
	return r, nil
}

func (d *Disk) Put(_ context.Context, r Record, was string) error {
	text, err := json.Marshal(r.inUTC())
	if err != nil {
		return fmt.Errorf("registration %q: %w", r.RegistrationID, err)
	}
	id := fold(r.RegistrationID)
	return d.file.Update(func(tx *bolt.Tx) error {
		now, err := find(tx, id)
		switch {
		case err != nil && err != ErrNotFound:
			return err
		case now.ETag != was:
			return ErrChanged
		}
		if err := moveInGroup(tx, id, now.GroupID, r.GroupID); err != nil {
			return err
		}
		return tx.Bucket(recordsBucket).Put([]byte(id), text)
	}, nil)
}

func (d *Disk) Delete(_ context.Context, id, was string) error {
	return d.file.Update(func(tx *bolt.Tx) error {
		now, err := find(tx, fold(id))
		switch {
		case err != nil:
			return err
		case was != "" && now.ETag != was:
			return ErrChanged
		}
		if err := moveInGroup(tx, fold(id), now.GroupID, ""); err != nil {
			return err
		}
		return tx.Bucket(recordsBucket).Delete([]byte(fold(id)))
	}, nil)
}

// moveInGroup keeps the list of groups when a registration comes through another one.
func moveInGroup(tx *bolt.Tx, id, from, to string) error {
	from, to = fold(from), fold(to)
	if from == to {
		return nil
	}
	b := tx.Bucket(groupsBucket)
	if from != "" {
		if err := b.Delete(inGroup(from, id)); err != nil {
			return err
		}
	}
	if to == "" {
		return nil
	}
	return b.Put(inGroup(to, id), nil)
}

// inGroup is a key in the list of groups: no id holds a NUL.
func inGroup(group, id string) []byte { return []byte(group + "\x00" + id) }

func (d *Disk) ListGroup(_ context.Context, groupID, after string, limit int) (list []Record, err error) {
	if groupID == "" {
		return nil, nil
	}
	first, begin := string(inGroup(fold(groupID), "")), string(inGroup(fold(groupID), fold(after)))
	err = d.file.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(groupsBucket).Cursor()
		for k, _ := c.Seek([]byte(begin)); len(list) < limit && len(k) > len(first) && string(k[:len(first)]) == first; k, _ = c.Next() {
			if string(k) == begin {
				continue
			}
			r, err := find(tx, string(k[len(first):]))
			if err != nil {
				return err
			}
			list = append(list, r)
		}
		return nil
	})
	return list, err
}

// keptOperation is an operation as the data file has it.
type keptOperation struct {
	Operation
	ForgetAt time.Time
}

func (d *Disk) PutOperation(_ context.Context, o Operation, forgetAt time.Time) error {
	o.Record = o.Record.inUTC()
	text, err := json.Marshal(keptOperation{o, forgetAt.UTC()})
	if err != nil {
		return fmt.Errorf("operation %q: %w", o.ID, err)
	}
	return d.file.Update(func(tx *bolt.Tx) error {
		before, err := findOperation(tx, o.ID)
		if err == nil {
			err = tx.Bucket(forgetBucket).Delete(end(before.ForgetAt, o.ID))
		}
		if err != nil && err != ErrNotFound {
			return err
		}
		if err := tx.Bucket(operationsBucket).Put([]byte(o.ID), text); err != nil {
			return err
		}
		if err := tx.Bucket(forgetBucket).Put(end(forgetAt, o.ID), nil); err != nil {
			return err
		}
		return d.forget(tx)
	}, nil)
}

// forgetAtOnce bounds what one new operation removes of old ones: more than comes, so that
// they do not pile up, and little, so that nobody waits for it.
const forgetAtOnce = 4

// forget removes operations whose time is over.
func (d *Disk) forget(tx *bolt.Tx) error {
	for range forgetAtOnce {
		k, _ := tx.Bucket(forgetBucket).Cursor().First()
		if k == nil || int64(binary.BigEndian.Uint64(k)) > d.now.Load() {
			return nil
		}
		if err := tx.Bucket(operationsBucket).Delete(k[8:]); err != nil {
			return err
		}
		if err := tx.Bucket(forgetBucket).Delete(k); err != nil {
			return err
		}
	}
	return nil
}

// end is a key in the list of ends.
func end(at time.Time, id string) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(at.UnixNano())), id...)
}

func (d *Disk) Operation(_ context.Context, id string, now time.Time) (o Operation, err error) {
	for {
		newest := d.now.Load()
		if newest >= now.UnixNano() || d.now.CompareAndSwap(newest, now.UnixNano()) {
			break
		}
	}
	err = d.file.View(func(tx *bolt.Tx) error {
		k, err := findOperation(tx, id)
		if err == nil && !k.ForgetAt.After(now) {
			err = ErrNotFound
		}
		if err == nil {
			o = k.Operation
		}
		return err
	})
	return o, err
}

func findOperation(tx *bolt.Tx, id string) (k keptOperation, err error) {
	b := tx.Bucket(operationsBucket).Get([]byte(id))
	if b == nil {
		return keptOperation{}, ErrNotFound
	}
	if err := json.Unmarshal(b, &k); err != nil {
		return keptOperation{}, fmt.Errorf("operation %q cannot be read: %w", id, err)
	}
	return k, nil
}

// inUTC is the record as the data file has it.
func (r Record) inUTC() Record {
	r.Created, r.Updated = r.Created.UTC(), r.Updated.UTC()
	return r
}
