// Package durable is a file of records that outlive their process and a power failure: a
// bbolt database with one writer, whose changes share the disk's syncs.
//
// A change is acknowledged when it is on the disk and not before: while one commit waits
// for the disk, the changes that come meanwhile gather and make up the next. Readers see
// what is on the disk and nothing else.
//
// After a commit that failed the file takes no more changes: what the disk has of it, only
// a process that opens it anew can know.
package durable

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// lockPatience is how long Open waits for a process that ends to let go of the file.
const lockPatience = time.Second

// ErrClosed is the error of a change that came after Close.
var ErrClosed = errors.New("the data file is closed")

// Identity is what a file says about itself. Open refuses a file that says something else.
type Identity struct {
	Format string // what its records are, with their version: "dpslab service 1"
	Owner  string // whose they are: the service's or the hub's name
}

// File is an open file.
type File struct {
	path string
	db   *bolt.DB

	mu     sync.Mutex
	wake   *sync.Cond // the queue grew, or closed
	queue  []*Write
	closed bool
	failed error // of the first commit that failed

	ended chan struct{} // the writer is done
}

// Write is a change on its way to the disk.
type Write struct {
	change func(tx *bolt.Tx) error
	then   func()
	done   chan struct{}
	err    error
}

// Open opens the file at path, or makes it and its folder. A file that another process has
// open, one of another format and one of another owner are errors that say so.
func Open(path string, id Identity) (*File, error) {
	if err := makeFolder(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("data folder: %w; give another with --data", err)
	}
	// A list of free pages on the disk is only a copy of what the pages say.
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: lockPatience, NoFreelistSync: true, FreelistType: bolt.FreelistMapType})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("data file %s is open in another process; stop that, or give another folder with --data", path)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrVersionMismatch), errors.Is(err, bolterrors.ErrChecksum):
		return nil, fmt.Errorf("data file %s is no data of dpslab: %w; give another folder with --data", path, err)
	case err != nil:
		return nil, fmt.Errorf("data file %s: %w; give another folder with --data", path, err)
	}
	f := &File{path: path, db: db, ended: make(chan struct{})}
	f.wake = sync.NewCond(&f.mu)
	if err := errors.Join(f.identify(id), SyncFolder(filepath.Dir(path))); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	go f.run()
	return f, nil
}

// View calls read with what is on the disk. What read is given lives as long as the call.
func (f *File) View(read func(tx *bolt.Tx) error) error { return f.db.View(read) }

// Update makes a change and returns when it is on the disk. A change that returns an error
// must not have written anything: it shares its transaction with others.
func (f *File) Update(change func(tx *bolt.Tx) error, then func()) error {
	return f.Begin(change, then).Wait()
}

// Begin queues a change and returns at once. Changes are made in the order in which they
// were begun, and judge by what those before them wrote. When the change is on the disk,
// then is called, if there is one, in that order too, before Wait returns.
func (f *File) Begin(change func(tx *bolt.Tx) error, then func()) *Write {
	w := &Write{change: change, then: then, done: make(chan struct{})}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		w.err = ErrClosed
		close(w.done)
		return w
	}
	f.queue = append(f.queue, w)
	f.wake.Signal()
	return w
}

// Wait returns when the change is on the disk, or with the reason why it is not.
func (w *Write) Wait() error {
	<-w.done
	return w.err
}

// Close makes the changes that were begun, and closes the file.
func (f *File) Close() error {
	f.mu.Lock()
	f.closed = true
	f.wake.Signal()
	f.mu.Unlock()
	<-f.ended
	return f.db.Close()
}

func (f *File) run() {
	defer close(f.ended)
	for {
		batch := f.next()
		if len(batch) == 0 {
			return
		}
		f.commit(batch)
		for _, w := range batch {
			if w.err == nil && w.then != nil {
				w.then()
			}
			close(w.done)
		}
	}
}

// next waits for changes and takes all there are; none when the file was closed.
func (f *File) next() []*Write {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.queue) == 0 && !f.closed {
		f.wake.Wait()
	}
	batch := f.queue
	f.queue = nil
	return batch
}

// errNothing rolls back a transaction in which every change was refused.
var errNothing = errors.New("nothing to write")

func (f *File) commit(batch []*Write) {
	err := f.failed
	if err == nil {
		err = f.db.Update(func(tx *bolt.Tx) error {
			written := false
			for _, w := range batch {
				w.err = w.change(tx)
				written = written || w.err == nil
			}
			if !written {
				return errNothing
			}
			return nil
		})
	}
	if err == nil || errors.Is(err, errNothing) {
		return
	}
	if f.failed == nil {
		f.failed = fmt.Errorf("data file %s could not be written and takes no more changes: %w", f.path, err)
	}
	for _, w := range batch {
		w.err = f.failed
	}
}

// secrets is the bucket of Secret.
var secrets = []byte("secrets")

// Secret returns the secret of that name, n random bytes that it makes the first time.
func (f *File) Secret(name string, n int) (secret []byte, err error) {
	err = f.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(secrets)
		if err != nil {
			return err
		}
		if secret = append([]byte(nil), b.Get([]byte(name))...); len(secret) == n {
			return nil
		}
		secret = make([]byte, n)
		rand.Read(secret) // never fails
		return b.Put([]byte(name), secret)
	}, nil)
	return secret, err
}

// Buckets makes the buckets that are missing.
func (f *File) Buckets(names ...[]byte) error {
	return f.Update(func(tx *bolt.Tx) error {
		for _, name := range names {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	}, nil)
}

var (
	about     = []byte("about")
	formatKey = []byte("format")
	ownerKey  = []byte("owner")
)

// identify holds the file's identity against id; an empty file gets it.
func (f *File) identify(id Identity) error {
	return f.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(about)
		if b == nil {
			if first, _ := tx.Cursor().First(); first != nil {
				return fmt.Errorf("data file %s is no data of dpslab; give another folder with --data", f.path)
			}
			b, err := tx.CreateBucket(about)
			if err != nil {
				return err
			}
			return errors.Join(b.Put(formatKey, []byte(id.Format)), b.Put(ownerKey, []byte(id.Owner)))
		}
		if is := string(b.Get(formatKey)); is != id.Format {
			return fmt.Errorf("data file %s has the format %q, and this dpslab reads %q; give another folder with --data", f.path, is, id.Format)
		}
		if is := string(b.Get(ownerKey)); is != id.Owner {
			return fmt.Errorf("data file %s belongs to %q, not to %q; give the --state that it was made with, or another folder with --data", f.path, is, id.Owner)
		}
		return nil
	})
}

// makeFolder makes a folder and those above it that are missing, so that they stay.
func makeFolder(folder string) error {
	if _, err := os.Stat(folder); err == nil {
		return nil
	}
	if above := filepath.Dir(folder); above != folder {
		if err := makeFolder(above); err != nil {
			return err
		}
	}
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return SyncFolder(filepath.Dir(folder))
}
