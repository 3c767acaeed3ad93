package reference

import (
	"context"
	"errors"

	"github.com/dpslab/dpslab/internal/durable"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/postgres"
	"github.com/dpslab/dpslab/reference/registration"
)

// stores are what a service has beyond its settings.
type stores struct {
	enrollments   enrollment.Store
	registrations registration.Store
	secret        []byte // what the keys of challenges follow from
	secondaryKey  []byte // of provisioningserviceowner
}

// sharedStores returns the stores in a database, which other processes may use too.
func sharedStores(d *postgres.DB) (stores, error) {
	secret, notSecret := d.Secret(context.Background(), "challenges", randomKey())
	secondary, noKey := d.Secret(context.Background(), "secondary key", randomKey())
	return stores{d.Enrollments(), d.Registrations(), secret, secondary}, errors.Join(notSecret, noKey)
}

// openStores returns the stores in a data file; without one, new ones in memory.
func openStores(f *durable.File) (stores, error) {
	if f == nil {
		return stores{enrollment.NewMemory(), registration.NewMemory(), randomKey(), randomKey()}, nil
	}
	enrollments, err := enrollment.NewDisk(f)
	if err != nil {
		return stores{}, err
	}
	registrations, err := registration.NewDisk(f)
	if err != nil {
		return stores{}, err
	}
	secret, notSecret := f.Secret("challenges", keyBytes)
	secondary, noKey := f.Secret("secondary key", keyBytes)
	return stores{enrollments, registrations, secret, secondary}, errors.Join(notSecret, noKey)
}
