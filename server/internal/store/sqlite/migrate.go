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
	lock := flock.New(db.path + ".lock")
	if _, err := lock.TryLockContext(ctx, lockWait); err != nil {
		return fmt.Errorf("waiting for another process to migrate %s: %w", db.path, err)
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()

	provider, err := db.provider()
	if err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrating %s: %w", db.path, err)
	}
	return rest(ctx)
}

func (db *DB) provider() (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, db.writing, files, goose.WithDisableGlobalRegistry(true))
}
