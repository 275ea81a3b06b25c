package app

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riversqlite"

	"github.com/cryptomate-go/enablement/server/internal/delivery"
	"github.com/cryptomate-go/enablement/server/internal/store"
	"github.com/cryptomate-go/enablement/server/internal/store/sqlite"
)

// Database is an open, migrated database: the store, and the queue on it.
type Database struct {
	store.Store
	newQueue func(delivery.Config) (queue, error)
}

// OpenDatabase opens the database and brings it up to date. A file that is absent is created.
func OpenDatabase(ctx context.Context, location string, schedule delivery.Schedule, logger *slog.Logger) (*Database, error) {
	if strings.Contains(location, "://") || strings.HasPrefix(location, "file:") {
		return nil, configErrorf("--db %q: must be the path of a file", location)
	}
	return openSQLite(ctx, location, schedule, logger)
}

func openSQLite(ctx context.Context, path string, schedule delivery.Schedule, logger *slog.Logger) (*Database, error) {
	db, err := sqlite.Open(ctx, path)
	if err != nil {
		return nil, &ConfigError{err}
	}
	driver := riversqlite.New(db.Writer())
	inserter, err := setUp(ctx, db, driver, schedule, logger)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Database{Store: sqlite.NewStore(db, inserter.EnqueueTx), newQueue: queueOn(driver)}, nil
}

// migrator is an open database of either kind.
type migrator interface {
	Migrate(ctx context.Context, rest func(context.Context) error) error
}

// setUp migrates the database and the queue's tables in it, under one lock.
func setUp[TTx any](ctx context.Context, db migrator, driver riverdriver.Driver[TTx], schedule delivery.Schedule, logger *slog.Logger) (*delivery.Inserter[TTx], error) {
	if err := db.Migrate(ctx, func(ctx context.Context) error {
		return delivery.Migrate(ctx, driver, logger)
	}); err != nil {
		return nil, err
	}
	return delivery.NewInserter(driver, schedule, logger)
}

func queueOn[TTx any](driver riverdriver.Driver[TTx]) func(delivery.Config) (queue, error) {
	return func(config delivery.Config) (queue, error) { return delivery.NewQueue(driver, config) }
}

// OpenExisting is OpenDatabase for commands that make no sense on an empty database.
func OpenExisting(ctx context.Context, location string, schedule delivery.Schedule, logger *slog.Logger) (*Database, error) {
	if _, err := os.Stat(location); errors.Is(err, os.ErrNotExist) {
		return nil, configErrorf("--db %q: %w", location, errNoDatabase)
	}
	return OpenDatabase(ctx, location, schedule, logger)
}
