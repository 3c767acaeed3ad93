package lab

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/dpslab/dpslab/internal/durable"
	"github.com/dpslab/dpslab/reference/postgres"
)

// Formats of the data files. A change of what a file holds is a new number.
const (
	serviceFormat = "dpslab service 1"
	hubFormat     = "dpslab hub 1"
)

var errDataWithoutState = errors.New("--data needs the keys and names of a state folder; give one with --state")

var errDatabaseWithoutState = errors.New("--database needs the keys and names of a state folder; give one with --state")

// openData opens the data file of a service or a hub, which the lab closes; nil where the
// lab keeps no data. Each has its own, so that processes may share the folder.
func (l *Lab) openData(folder, file string, is durable.Identity) (*durable.File, error) {
	if folder == "" {
		return nil, nil
	}
	f, err := durable.Open(filepath.Join(folder, file), is)
	if err != nil {
		return nil, err
	}
	l.data = append(l.data, f)
	return f, nil
}

// openServiceData opens the database of the service where there is one, and else its data file.
func (l *Lab) openServiceData(o Options, name string) (f *durable.File, err error) {
	if o.Database != "" {
		l.database, err = postgres.Open(context.Background(), o.Database)
		return nil, err
	}
	return l.openData(o.Data, "service.db", durable.Identity{Format: serviceFormat, Owner: name})
}

func (l *Lab) closeData() error {
	if l.database != nil {
		l.database.Close()
	}
	var errs []error
	for _, f := range l.data {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
