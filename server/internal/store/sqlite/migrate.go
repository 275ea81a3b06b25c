package sqlite

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"

	"github.com/cryptomate-go/enablement/server/internal/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// lockWait is how often a process looks whether another one has finished opening or migrating.
const lockWait = 20 * time.Millisecond

// Migrate brings the database up to date: the schema here, then whatever else, the queue's. Any number of
// processes may call it at the same time: a lock file beside the database lets one through at a
// time, and the system releases it should the process be killed.
func (db *DB) Migrate(ctx context.Context, rest func(context.Context) error) (err error) {
	defer func() { err = advise(err) }()
	lock := flock.New(db.path + ".lock")
	if _, err := lock.TryLockContext(ctx, lockWait); err != nil {
		return fmt.Errorf("waiting for another process to migrate %s: %w", db.path, err)
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()

	provider, err := db.provider()
	if err != nil {
		return err
	}
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("migrating %s: %w", db.path, err)
	}
	if current < target {
		_, err = provider.Up(ctx)
	} else {
		err = store.Schema{Current: current, Known: target}.Check()
	}
	if err != nil {
		return fmt.Errorf("migrating %s: %w", db.path, err)
	}
	return rest(ctx)
}

// Schema tells which version the schema is at. It changes nothing.
func (db *DB) Schema(ctx context.Context) (schema store.Schema, err error) {
	defer func() { err = classify(err) }()
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return store.Schema{}, err
	}
	if schema.Known, err = goose.NumericComponent(files[len(files)-1]); err != nil {
		return store.Schema{}, err
	}
	var tables int
	if err := db.reading.QueryRowContext(ctx,
		`SELECT count(*) FROM sqlite_master WHERE name = 'goose_db_version'`).Scan(&tables); err != nil || tables == 0 {
		return schema, err
	}
	err = db.reading.QueryRowContext(ctx, `SELECT coalesce(max(version_id), 0) FROM goose_db_version`).Scan(&schema.Current)
	return schema, err
}

// Ready implements [store.Store].
func (db *DB) Ready(ctx context.Context) error {
	schema, err := db.Schema(ctx)
	if err != nil {
		return err
	}
	return schema.Check()
}

func (db *DB) provider() (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, db.writing, files, goose.WithDisableGlobalRegistry(true))
}
