package durable_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/dpslab/dpslab/internal/durable"
)

var (
	mine   = durable.Identity{Format: "test 1", Owner: "me"}
	bucket = []byte("things")
)

func open(t *testing.T, path string) *durable.File {
	t.Helper()
	f, err := durable.Open(path, mine)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Buckets(bucket); err != nil {
		t.Fatal(err)
	}
	return f
}

func closed(t *testing.T, f *durable.File) {
	t.Helper()
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func put(key string) func(tx *bolt.Tx) error {
	return func(tx *bolt.Tx) error { return tx.Bucket(bucket).Put([]byte(key), []byte("there")) }
}

func has(t *testing.T, f *durable.File, key string) (there bool) {
	t.Helper()
	if err := f.View(func(tx *bolt.Tx) error {
		there = tx.Bucket(bucket).Get([]byte(key)) != nil
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return there
}

func TestAFileIsRefusedThatIsNotWhatIsMeant(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "data.db")
	closed(t, open(t, path))
	garbage := filepath.Join(folder, "garbage.db")
	if err := os.WriteFile(garbage, bytes.Repeat([]byte("no data\n"), 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(folder, "foreign.db")
	db, err := bolt.Open(foreign, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(func(tx *bolt.Tx) error { _, err := tx.CreateBucket(bucket); return err }), db.Close()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		rule, path string
		id         durable.Identity
		says       string
	}{
		{"another version of the format", path, durable.Identity{Format: "test 2", Owner: "me"}, `has the format "test 1", and this dpslab reads "test 2"`},
		{"another owner", path, durable.Identity{Format: "test 1", Owner: "you"}, `belongs to "me", not to "you"`},
		{"no database", garbage, mine, "is no data of dpslab"},
		{"a database of something else", foreign, mine, "is no data of dpslab"},
		{"a folder", folder, mine, "give another"},
	} {
		f, err := durable.Open(c.path, c.id)
		if err == nil {
			closed(t, f)
			t.Errorf("%s: opened", c.rule)
		} else if !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", c.rule, err)
		}
	}
	closed(t, open(t, path)) // a refusal leaves it as it was
}

func TestAFileHasOneProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data.db")
	f := open(t, path)
	if _, err := durable.Open(path, mine); err == nil || !strings.Contains(err.Error(), "is open in another process") {
		t.Errorf("opened twice: %v", err)
	}
	closed(t, f)
	closed(t, open(t, path))
}

func TestAFolderIsMadeWithThoseAboveIt(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "a", "b")
	closed(t, open(t, filepath.Join(folder, "data.db")))
	info, err := os.Stat(folder)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v, %v", info, err)
	}
	file, err := os.Stat(filepath.Join(folder, "data.db"))
	if err != nil || file.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", file, err)
	}
}

// TestChangesThatComeTogetherShareACommit holds the first commit open while others come.
func TestChangesThatComeTogetherShareACommit(t *testing.T) {
	t.Parallel()
	f := open(t, filepath.Join(t.TempDir(), "data.db"))
	defer closed(t, f)
	entered, goOn := make(chan struct{}), make(chan struct{})
	first := f.Begin(func(tx *bolt.Tx) error {
		close(entered)
		<-goOn
		return put("first")(tx)
	}, nil)
	<-entered
	refusal := errors.New("refused")
	var commits []int
	var order []int
	var writes []*durable.Write
	for i := range 64 {
		writes = append(writes, f.Begin(func(tx *bolt.Tx) error {
			commits = append(commits, tx.ID())
			if i == 40 {
				return refusal
			}
			if i > 0 && i != 41 && tx.Bucket(bucket).Get([]byte(fmt.Sprint(i-1))) == nil {
				return fmt.Errorf("change %d does not see the one before it", i)
			}
			return put(fmt.Sprint(i))(tx)
		}, func() { order = append(order, i) }))
	}
	close(goOn)
	if err := first.Wait(); err != nil {
		t.Fatal(err)
	}
	for i, w := range writes {
		want := error(nil)
		if i == 40 {
			want = refusal
		}
		if err := w.Wait(); !errors.Is(err, want) {
			t.Errorf("change %d: %v, want %v", i, err, want)
		}
	}
	if commits = slices.Compact(commits); len(commits) != 1 {
		t.Errorf("the changes were made in %d commits", len(commits))
	}
	if len(order) != 63 || !slices.IsSorted(order) {
		t.Errorf("what follows a change came in the order %v", order)
	}
	if has(t, f, "40") || !has(t, f, "39") || !has(t, f, "41") {
		t.Error("a refused change took others with it, or was made")
	}
}

func TestNothingIsSeenBeforeItIsKept(t *testing.T) {
	t.Parallel()
	f := open(t, filepath.Join(t.TempDir(), "data.db"))
	defer closed(t, f)
	if err := f.Update(func(tx *bolt.Tx) error {
		if err := put("a")(tx); err != nil {
			return err
		}
		seen := make(chan bool)
		go func() { seen <- has(t, f, "a") }()
		if <-seen {
			t.Error("a reader saw a change that was not on the disk")
		}
		return nil
	}, nil); err != nil {
		t.Fatal(err)
	}
	if !has(t, f, "a") {
		t.Error("a kept change is not seen")
	}
}

func TestChangesOutliveTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data.db")
	f := open(t, path)
	secret, err := f.Secret("one", 32)
	if err != nil || len(secret) != 32 {
		t.Fatalf("%d bytes, %v", len(secret), err)
	}
	begun := f.Begin(put("begun before the end"), nil)
	closed(t, f)
	if err := begun.Wait(); err != nil {
		t.Error(err)
	}
	if err := f.Update(put("after the end"), nil); !errors.Is(err, durable.ErrClosed) {
		t.Errorf("a change after the end: %v", err)
	}
	f = open(t, path)
	defer closed(t, f)
	if !has(t, f, "begun before the end") || has(t, f, "after the end") {
		t.Error("the file has not what was acknowledged")
	}
	again, err := f.Secret("one", 32)
	other, err2 := f.Secret("two", 32)
	if err != nil || err2 != nil || !bytes.Equal(again, secret) || bytes.Equal(other, secret) {
		t.Errorf("secrets: the same %v, the other one alike %v, %v %v", bytes.Equal(again, secret), bytes.Equal(other, secret), err, err2)
	}
}

// BenchmarkChanges is 64 writers that each wait for the disk, against bbolt's own Batch.
func BenchmarkChanges(b *testing.B) {
	for _, how := range []string{"File", "Batch"} {
		b.Run(how, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "data.db")
			write := func(func(tx *bolt.Tx) error) error { return nil }
			switch how {
			case "File":
				f, err := durable.Open(path, mine)
				if err != nil {
					b.Fatal(err)
				}
				defer f.Close()
				write = func(change func(tx *bolt.Tx) error) error { return f.Update(change, nil) }
			case "Batch":
				db, err := bolt.Open(path, 0o600, &bolt.Options{NoFreelistSync: true, FreelistType: bolt.FreelistMapType})
				if err != nil {
					b.Fatal(err)
				}
				defer db.Close()
				write = db.Batch
			}
			if err := write(func(tx *bolt.Tx) error { _, err := tx.CreateBucket(bucket); return err }); err != nil {
				b.Fatal(err)
			}
			todo := make(chan int)
			var all sync.WaitGroup
			for range 64 {
				all.Go(func() {
					for i := range todo {
						if err := write(put(fmt.Sprintf("%x-%d", i*2654435761, i))); err != nil {
							b.Error(err)
						}
					}
				})
			}
			for i := 0; b.Loop(); i++ {
				todo <- i
			}
			close(todo)
			all.Wait()
		})
	}
}
