package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

// OpenTraced is [Open] with a tracer.
func OpenTraced(ctx context.Context, dsn string, tracer pgx.QueryTracer) (*DB, error) {
	config, err := parse(dsn, Options{})
	if err != nil {
		return nil, err
	}
	config.ConnConfig.Tracer = tracer
	return connect(ctx, config)
}

// Repeat is repeat.
var Repeat = repeat

// MigrateTo brings a database's own tables to a version.
func (db *DB) MigrateTo(ctx context.Context, version int64) (err error) {
	provider, done, err := newProvider(db.pool)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	_, err = provider.UpTo(ctx, version)
	return err
}
