package sweep

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/dpslab/dpslab/suites/harness"
)

// journal writes down what hooks make, before they make it: nobody can ask a hook what is
// there. It is a file of one JSON object a line, of a mode that keeps it to its owner; it
// holds ids and no keys.
type journal struct {
	harness.Hooks
	mu   sync.Mutex
	file string
}

type entry struct {
	Kind    harness.Kind `json:"kind"`
	ID      string       `json:"id"`
	Hub     string       `json:"hub,omitempty"`
	Removed bool         `json:"removed,omitempty"`
}

// Journal returns hooks that keep a journal in file.
func Journal(hooks harness.Hooks, file string) (harness.Hooks, error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, fmt.Errorf("journal of what hooks make: %w", err)
	}
	return &journal{Hooks: hooks, file: file}, nil
}

func (j *journal) CreateEnrollment(ctx context.Context, kind harness.Kind, record harness.Members) (harness.Members, error) {
	return j.create(entry{Kind: kind, ID: idOf(kind, record)}, func() (harness.Members, error) {
		return j.Hooks.CreateEnrollment(ctx, kind, record)
	})
}

func (j *journal) CreateHubIdentity(ctx context.Context, hub string, record harness.Members) (harness.Members, error) {
	return j.create(entry{Kind: harness.HubIdentity, ID: idOf(harness.HubIdentity, record), Hub: hub}, func() (harness.Members, error) {
		return j.Hooks.CreateHubIdentity(ctx, hub, record)
	})
}

func (j *journal) create(e entry, make func() (harness.Members, error)) (harness.Members, error) {
	if err := j.write(e); err != nil {
		return nil, err
	}
	made, err := make()
	if errors.Is(err, harness.ErrNotHere) {
		e.Removed = true
		return nil, errors.Join(err, j.write(e))
	}
	if other := idOf(e.Kind, made); err == nil && other != "" && other != e.ID {
		asked := e
		asked.Removed, e.ID = true, other
		err = errors.Join(j.write(e), j.write(asked))
	}
	return made, err
}

func (j *journal) Delete(ctx context.Context, kind harness.Kind, record harness.Members) error {
	if err := j.Hooks.Delete(ctx, kind, record); err != nil {
		return err
	}
	hub, _ := record["hub"].(string)
	return j.write(entry{Kind: kind, ID: idOf(kind, record), Hub: hub, Removed: true})
}

func idOf(kind harness.Kind, record harness.Members) string {
	id, _ := record[kind.IDMember()].(string)
	return id
}

func (j *journal) write(e entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	f, err := os.OpenFile(j.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("journal of what hooks make: %w", err)
	}
	// A crash may have cut the last line off; an empty one means nothing.
	_, err = fmt.Fprintf(f, "\n%s\n", line)
	return errors.Join(err, f.Close())
}

// inJournal lists what hooks made and did not remove.
func inJournal(env *harness.Env, file string) ([]Leftover, error) {
	open, err := read(file)
	if err != nil {
		return nil, err
	}
	if len(open) > 0 && env.Hooks == nil {
		return nil, fmt.Errorf("%s says what hooks made, and the target file names no hooks that could remove it", file)
	}
	hooks, err := Journal(env.Hooks, file)
	if err != nil {
		return nil, err
	}
	var list []Leftover
	for _, e := range open {
		kind := map[harness.Kind]string{harness.Individual: "enrollment", harness.OfGroup: "enrollment group", harness.HubIdentity: "hub identity"}[e.Kind]
		list = append(list, Leftover{kind, e.ID, "hooks.delete_enrollment", func(ctx context.Context) error {
			record := harness.Members{e.Kind.IDMember(): e.ID}
			if e.Hub != "" {
				record["hub"] = e.Hub
			}
			return hooks.Delete(ctx, e.Kind, record)
		}})
	}
	return list, nil
}

// read returns the entries that were not removed again, in the order in which they came. A
// last line that a crash cut off is no entry: what it would have said was not made yet.
func read(file string) ([]entry, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var open []entry
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var e entry
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue
		}
		same := func(o entry) bool { return o.Kind == e.Kind && o.ID == e.ID && o.Hub == e.Hub }
		if open = slices.DeleteFunc(open, same); !e.Removed {
			open = append(open, e)
		}
	}
	return open, nil
}
