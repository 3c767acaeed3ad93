package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/registration"
)

// Registrations is a registration.Store.
type Registrations struct{ db *DB }

// Registrations returns the store of registrations in the database.
func (d *DB) Registrations() *Registrations { return &Registrations{d} }

func (s *Registrations) Get(ctx context.Context, id string) (registration.Record, error) {
	list, err := query[registration.Record](ctx, s.db, `select record from registrations where id = $1`, enrollment.Fold(id))
	if err == nil && len(list) == 0 {
		err = registration.ErrNotFound
	}
	if err != nil {
		return registration.Record{}, err
	}
	return list[0], nil
}

func (s *Registrations) Put(ctx context.Context, r registration.Record, was string) error {
	text, err := json.Marshal(inUTC(r))
	if err != nil {
		return fmt.Errorf("registration %q: %w", r.RegistrationID, err)
	}
	args := []any{enrollment.Fold(r.RegistrationID), enrollment.Fold(r.GroupID), r.ETag, text}
	sql := `insert into registrations (id, group_id, etag, record) values ($1, $2, $3, $4) on conflict do nothing`
	if was != "" {
		sql = `update registrations set group_id = $2, etag = $3, record = $4 where id = $1 and etag = $5`
		args = append(args, was)
	}
	n, err := s.db.exec(ctx, sql, args...)
	if err == nil && n == 0 {
		return registration.ErrChanged
	}
	return err
}

func (s *Registrations) Delete(ctx context.Context, id, was string) error {
	n, err := s.db.exec(ctx, `delete from registrations where id = $1 and ($2 = '' or etag = $2)`, enrollment.Fold(id), was)
	if err != nil || n > 0 {
		return err
	}
	if _, err := s.Get(ctx, id); err != nil {
		return err
	}
	return registration.ErrChanged
}

func (s *Registrations) ListGroup(ctx context.Context, groupID, after string, limit int) ([]registration.Record, error) {
	if groupID == "" {
		return nil, nil
	}
	return query[registration.Record](ctx, s.db, `select record from registrations where group_id = $1 and id > $2 order by id limit $3`,
		enrollment.Fold(groupID), enrollment.Fold(after), limit)
}

// PutOperation stores an operation.
func (s *Registrations) PutOperation(ctx context.Context, o registration.Operation, forgetAt time.Time) error {
	o.Record = inUTC(o.Record)
	text, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("operation %q: %w", o.ID, err)
	}
	_, err = s.db.exec(ctx, `insert into operations (id, forget_at, operation) values ($1, $2, $3)
		on conflict (id) do update set forget_at = $2, operation = $3`, o.ID, forgetAt.UnixNano(), text)
	return err
}

// Operation also removes a few operations that are forgotten at now.
func (s *Registrations) Operation(ctx context.Context, id string, now time.Time) (registration.Operation, error) {
	if _, err := s.db.exec(ctx, `delete from operations where id in
		(select id from operations where forget_at <= $1 order by forget_at limit 4 for update skip locked)`, now.UnixNano()); err != nil {
		return registration.Operation{}, err
	}
	list, err := query[registration.Operation](ctx, s.db, `select operation from operations where id = $1 and forget_at > $2`, id, now.UnixNano())
	if err == nil && len(list) == 0 {
		err = registration.ErrNotFound
	}
	if err != nil {
		return registration.Operation{}, err
	}
	return list[0], nil
}

// query returns values that are kept in JSON.
func query[T any](ctx context.Context, db *DB, sql string, args ...any) ([]T, error) {
	texts, err := db.texts(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	var list []T
	for _, text := range texts {
		var v T
		if err := json.Unmarshal(text, &v); err != nil {
			return nil, fmt.Errorf("a %T cannot be read: %w", v, err)
		}
		list = append(list, v)
	}
	return list, nil
}

func inUTC(r registration.Record) registration.Record {
	r.Created, r.Updated = r.Created.UTC(), r.Updated.UTC()
	return r
}
