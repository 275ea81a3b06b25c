package app

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"os"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"

	"github.com/cryptomate-go/enablement/server/internal/delivery"
	"github.com/cryptomate-go/enablement/server/internal/store"
	"github.com/cryptomate-go/enablement/server/internal/store/postgres"
	"github.com/cryptomate-go/enablement/server/internal/store/sqlite"
)

// Database is an open database: the store, and the queue on it.
type Database struct {
	store.Store
	newQueue func(delivery.Config) (queue, error)
	migrate  func(ctx context.Context) error
	schema   func(ctx context.Context) (current, known int64, err error)
}

// OpenDatabase opens the database at a path, which is created where it is absent, or at a
// postgres:// URL, which must be there, and brings it up to date.
func OpenDatabase(ctx context.Context, location string, schedule delivery.Schedule, logger *slog.Logger) (*Database, error) {
	db, err := open(ctx, location, schedule, logger)
	if err != nil {
		return nil, err
	}
	if err := db.migrate(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// OpenExisting is OpenDatabase for commands that make no sense on an empty database.
func OpenExisting(ctx context.Context, location string, schedule delivery.Schedule, logger *slog.Logger) (*Database, error) {
	if err := checkLocation(location); err != nil {
		return nil, err
	}
	if !isPostgres(location) {
		if _, err := os.Stat(location); errors.Is(err, os.ErrNotExist) {
			return nil, configErrorf("--db %q: %w", location, errNoDatabase)
		}
	}
	db, err := open(ctx, location, schedule, logger)
	if err != nil {
		return nil, err
	}
	current, _, err := db.schema(ctx)
	if err == nil && current == 0 {
		err = configErrorf("--db %q: %w", Redacted(location), errNoDatabase)
	}
	if err == nil {
		err = db.migrate(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// SchemaStatus tells at which version the schema of a database is, 0 where there is none, and which
// one this program knows.
func SchemaStatus(ctx context.Context, location string, logger *slog.Logger) (current, known int64, err error) {
	db, err := open(ctx, location, delivery.DefaultSchedule, logger)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.schema(ctx)
}

// Redacted is a database's location without the password.
func Redacted(location string) string {
	if !isPostgres(location) {
		return location
	}
	u, err := url.Parse(location)
	if err != nil {
		return "postgres://…"
	}
	query := u.Query()
	if query.Has("password") {
		query.Set("password", "xxxxx")
		u.RawQuery = query.Encode()
	}
	return u.Redacted()
}

func open(ctx context.Context, location string, schedule delivery.Schedule, logger *slog.Logger) (*Database, error) {
	if err := checkLocation(location); err != nil {
		return nil, err
	}
	if isPostgres(location) {
		return openPostgres(ctx, location, schedule, logger)
	}
	return openSQLite(ctx, location, schedule, logger)
}

func openSQLite(ctx context.Context, path string, schedule delivery.Schedule, logger *slog.Logger) (*Database, error) {
	db, err := sqlite.Open(ctx, path)
	if err != nil {
		return nil, &ConfigError{err}
	}
	driver := riversqlite.New(db.Writer())
	inserter, err := delivery.NewInserter(driver, schedule, logger)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Database{
		Store:    sqlite.NewStore(db, inserter.EnqueueTx),
		newQueue: queueOn(driver),
		migrate: func(ctx context.Context) error {
			return db.Migrate(ctx, func(ctx context.Context) error { return delivery.Migrate(ctx, driver, logger) })
		},
		schema: db.Schema,
	}, nil
}

func openPostgres(ctx context.Context, dsn string, schedule delivery.Schedule, logger *slog.Logger) (*Database, error) {
	db, err := postgres.Open(ctx, dsn, postgres.Options{})
	if errors.Is(err, store.ErrUnavailable) {
		return nil, err
	}
	if err != nil {
		return nil, &ConfigError{err}
	}
	driver := riverpgxv5.New(db.Pool())
	inserter, err := delivery.NewInserter(driver, schedule, logger)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Database{
		Store:    postgres.NewStore(db, inserter.EnqueueTx),
		newQueue: queueOn(driver),
		migrate: func(ctx context.Context) error {
			return db.Migrate(ctx, func(ctx context.Context, pool *pgxpool.Pool) error {
				return delivery.Migrate(ctx, riverpgxv5.New(pool), logger)
			})
		},
		schema: db.Schema,
	}, nil
}

func queueOn[TTx any](driver riverdriver.Driver[TTx]) func(delivery.Config) (queue, error) {
	return func(config delivery.Config) (queue, error) { return delivery.NewQueue(driver, config) }
}
