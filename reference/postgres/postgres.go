// Package postgres keeps enrollments and registrations in PostgreSQL, so that several
// processes can share them. Each write is one statement, durable when it returns. Nothing
// spans two of them: a record and its operation are stored one after the other, and so are
// a record and its device's identity at the hub.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// patience bounds each query, at both ends.
const patience = 10 * time.Second

// connections are how many a process holds at most.
const connections = 8

// DB is a database with dpslab's tables.
type DB struct{ pool *pgxpool.Pool }

// Open connects to the database at a URL and brings its tables up to date. Errors do not
// hold the URL, which may have a password.
func Open(ctx context.Context, url string) (*DB, error) {
	c, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the database's URL cannot be read; give one such as postgres://user@host/name")
	}
	c.MaxConns = connections
	c.ConnConfig.RuntimeParams["statement_timeout"] = fmt.Sprint(patience.Milliseconds())
	c.ConnConfig.ConnectTimeout = patience
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return nil, errors.New("the database's URL cannot be used")
	}
	d := &DB{pool: pool}
	if err := d.migrate(ctx); err != nil {
		d.Close()
		return nil, fmt.Errorf("tables of the database: %w", err)
	}
	return d, nil
}

// Close ends all connections, when their queries are done.
func (d *DB) Close() { d.pool.Close() }

// migrations are the versions of the tables, oldest first. One that was released is never
// changed.
var migrations = []string{`
create table enrollments (
	kind smallint not null,
	id text collate "C" not null, -- folded
	etag text not null,
	attestation smallint not null,
	subjects bytea[] not null, -- of a group's signing certificates, DER
	record bytea not null,
	primary key (kind, id));
create table registrations (
	id text collate "C" primary key, -- folded
	group_id text collate "C" not null, -- folded
	etag text not null,
	record bytea not null);
create index on registrations (group_id, id);
create table operations (
	id text collate "C" primary key,
	forget_at bigint not null, -- Unix nanoseconds
	operation bytea not null);
create index on operations (forget_at);
create table secrets (name text primary key, value bytea not null);
`}

// migrationLock is the advisory lock of the one process that migrates.
const migrationLock = 0x6470736c6162 // "dpslab"

func (d *DB) migrate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error { return bring(ctx, tx) })
}

// bring makes the tables those of the last version.
func bring(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock($1)`, int64(migrationLock)); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `create table if not exists dpslab_schema (version int primary key)`); err != nil {
		return err
	}
	var version int
	if err := tx.QueryRow(ctx, `select coalesce(max(version), 0) from dpslab_schema`).Scan(&version); err != nil {
		return err
	}
	if version > len(migrations) {
		return fmt.Errorf("they are of version %d, of a newer dpslab; this one knows %d", version, len(migrations))
	}
	for ; version < len(migrations); version++ {
		if _, err := tx.Exec(ctx, migrations[version]); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `insert into dpslab_schema values ($1)`, version+1); err != nil {
			return err
		}
	}
	return nil
}

// Secret returns the secret of a name, which is the one offered where there is none yet.
func (d *DB) Secret(ctx context.Context, name string, offered []byte) (secret []byte, err error) {
	if _, err := d.exec(ctx, `insert into secrets values ($1, $2) on conflict do nothing`, name, offered); err != nil {
		return nil, err
	}
	list, err := d.texts(ctx, `select value from secrets where name = $1`, name)
	if err != nil {
		return nil, err
	}
	if len(list) != 1 {
		return nil, fmt.Errorf("secret %q was removed meanwhile", name)
	}
	return list[0], nil
}

// exec runs a statement and returns how many rows it wrote.
func (d *DB) exec(ctx context.Context, sql string, args ...any) (rows int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tag, err := d.pool.Exec(ctx, sql, args...)
	return tag.RowsAffected(), err
}

// texts returns the only column of a query.
func (d *DB) texts(ctx context.Context, sql string, args ...any) (list [][]byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	rows, err := d.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[[]byte])
}
