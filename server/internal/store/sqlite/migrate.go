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
)

//go:embed migrations/*.sql
var migrations embed.FS

// lockWait is how often a process looks whether another one has finished migrating.
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
	if current > target {
		return fmt.Errorf("database %s is at schema %d and this program only knows %d: use a newer one", db.path, current, target)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrating %s: %w", db.path, err)
	}
	return rest(ctx)
}

// Schema tells which version the schema is at, 0 before the first migration, and which one this program
// knows. It changes nothing.
func (db *DB) Schema(ctx context.Context) (current, known int64, err error) {
	defer func() { err = classify(err) }()
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return 0, 0, err
	}
	if known, err = goose.NumericComponent(files[len(files)-1]); err != nil {
		return 0, 0, err
	}
	var tables int
	if err := db.reading.QueryRowContext(ctx,
		`SELECT count(*) FROM sqlite_master WHERE name = 'goose_db_version'`).Scan(&tables); err != nil || tables == 0 {
		return 0, known, err
	}
	err = db.reading.QueryRowContext(ctx, `SELECT coalesce(max(version_id), 0) FROM goose_db_version`).Scan(&current)
	return current, known, err
}

// Ready returns an error unless the database answers and its schema is this program's.
func (db *DB) Ready(ctx context.Context) error {
	current, known, err := db.Schema(ctx)
	if err == nil && current != known {
		err = fmt.Errorf("the schema is at version %d, not %d", current, known)
	}
	return err
}

func (db *DB) provider() (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, db.writing, files, goose.WithDisableGlobalRegistry(true))
}
