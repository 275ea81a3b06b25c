package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"

	"github.com/cryptomate-go/enablement/server/internal/app/core"
	"github.com/cryptomate-go/enablement/server/internal/delivery"
	"github.com/cryptomate-go/enablement/server/internal/store"
	"github.com/cryptomate-go/enablement/server/internal/store/postgres"
	"github.com/cryptomate-go/enablement/server/internal/store/sqlite"
)

// Database is an open database, with what there is to know and do about its schemas.
type Database struct {
	core.Database
	migrate func(ctx context.Context) error
	schemas func(ctx context.Context) (Schemas, error)
	backup  func(ctx context.Context, path string) error // nil where the database has a program for it
}

// Schemas are the two that a database has.
type Schemas struct{ Store, Queue store.Schema }

// Check returns an error unless this program can serve both.
func (s Schemas) Check() error {
	if err := s.Store.Check(); err != nil {
		return err
	}
	if err := s.Queue.Check(); err != nil {
		return fmt.Errorf("of the queue: %w", err)
	}
	return nil
}

// Ready returns an error unless the database answers, and this program can serve what is there.
func (db *Database) Ready(ctx context.Context) error {
	schemas, err := db.schemas(ctx)
	if err != nil {
		return err
	}
	return schemas.Check()
}

// Backup writes all of an SQLite database, as it is at one moment, into a new file.
func (db *Database) Backup(ctx context.Context, path string) error {
	if db.backup == nil {
		return configErrorf("backup is for SQLite; use pg_dump for PostgreSQL")
	}
	err := db.backup(ctx, path)
	if _, ok := errors.AsType[*fs.PathError](err); ok || errors.Is(err, fs.ErrExist) {
		return &ConfigError{err}
	}
	return err
}

// OpenDatabase opens the database at a path, which is created where it is absent, or at a
// postgres:// URL, which must be there, and migrates it unless this program can serve it as it is.
func OpenDatabase(ctx context.Context, location string, logger *slog.Logger) (*Database, error) {
	db, err := open(ctx, location, logger)
	if err != nil {
		return nil, err
	}
	err = db.Ready(ctx)
	if errors.Is(err, store.ErrSchemaOld) {
		err = db.migrate(ctx)
	}
	if err != nil {
		return nil, errors.Join(schemaError(location, err), db.Close())
	}
	return db, nil
}

// OpenExisting opens a database that is there, and changes nothing about it.
func OpenExisting(ctx context.Context, location string, logger *slog.Logger) (*Database, error) {
	if err := checkExists(location); err != nil {
		return nil, err
	}
	db, err := open(ctx, location, logger)
	if err != nil {
		return nil, err
	}
	schemas, err := db.schemas(ctx)
	switch {
	case err != nil:
	case schemas.Store.Current == 0:
		err = configErrorf("--db %q: %w", Redacted(location), nothingThere(location))
	default:
		err = schemaError(location, schemas.Check())
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// SchemaStatus tells which schemas a database has. It changes nothing about it.
func SchemaStatus(ctx context.Context, location string, logger *slog.Logger) (schemas Schemas, err error) {
	if err := checkExists(location); err != nil {
		return Schemas{}, err
	}
	db, err := open(ctx, location, logger)
	if err != nil {
		return Schemas{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.schemas(ctx)
}

// checkExists keeps a file from being made. Where PostgreSQL is away, opening says so.
func checkExists(location string) error {
	if err := checkLocation(location); err != nil || isPostgres(location) {
		return err
	}
	if _, err := os.Stat(location); errors.Is(err, os.ErrNotExist) {
		return configErrorf("--db %q: %w", Redacted(location), errNoDatabase)
	}
	return nil
}

func nothingThere(location string) error {
	if isPostgres(location) {
		return errEmptyDatabase
	}
	return errNoDatabase
}

// schemaError makes a schema that this program can't serve a matter of configuration.
func schemaError(location string, err error) error {
	if errors.Is(err, store.ErrSchemaOld) || errors.Is(err, store.ErrSchemaNew) {
		return configErrorf("--db %q: %w", Redacted(location), err)
	}
	return err
}

func open(ctx context.Context, location string, logger *slog.Logger) (*Database, error) {
	if err := checkLocation(location); err != nil {
		return nil, err
	}
	if isPostgres(location) {
		return openPostgres(ctx, location, logger)
	}
	return openSQLite(ctx, location, logger)
}

func openSQLite(ctx context.Context, path string, logger *slog.Logger) (*Database, error) {
	db, err := sqlite.Open(ctx, path)
	if err != nil {
		return nil, &ConfigError{err}
	}
	driver := riversqlite.New(db.Writer())
	database, err := core.NewDatabase(driver, nil, logger, func(enqueue sqlite.Enqueue) store.Store { return sqlite.NewStore(db, enqueue) })
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Database{
		Database: database,
		migrate: func(ctx context.Context) error {
			return db.Migrate(ctx, func(ctx context.Context) error { return delivery.Migrate(ctx, driver, logger) })
		},
		schemas: schemasOf(db.Schema, riversqlite.New(db.Reader())),
		backup:  db.Backup,
	}, nil
}

func openPostgres(ctx context.Context, dsn string, logger *slog.Logger) (*Database, error) {
	db, err := postgres.Open(ctx, dsn, postgres.Options{})
	if errors.Is(err, store.ErrUnavailable) {
		return nil, err
	}
	if err != nil {
		return nil, &ConfigError{err}
	}
	driver := riverpgxv5.New(db.Pool())
	database, err := core.NewDatabase(driver, db.Now, logger, func(enqueue postgres.Enqueue) store.Store { return postgres.NewStore(db, enqueue) })
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Database{
		Database: database,
		migrate: func(ctx context.Context) error {
			return db.Migrate(ctx, func(ctx context.Context, pool *pgxpool.Pool) error {
				return delivery.Migrate(ctx, riverpgxv5.New(pool), logger)
			})
		},
		schemas: schemasOf(db.Schema, driver),
	}, nil
}

func schemasOf[TTx any](own func(context.Context) (store.Schema, error), driver riverdriver.Driver[TTx]) func(context.Context) (Schemas, error) {
	return func(ctx context.Context) (schemas Schemas, err error) {
		if schemas.Store, err = own(ctx); err != nil {
			return schemas, err
		}
		err = store.InTime(ctx, func(ctx context.Context) (err error) {
			schemas.Queue.Current, schemas.Queue.Known, err = delivery.Schema(ctx, driver)
			return err
		})
		return schemas, err
	}
}
