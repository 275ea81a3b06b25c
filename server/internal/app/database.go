package app

import (
	"context"
	"database/sql"
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

// Database is an open, migrated database: the store and the queue's driver on it.
type Database struct {
	store.Store
	driver riverdriver.Driver[*sql.Tx]
}

// OpenDatabase opens the database and brings it up to date. A file that is absent is created.
func OpenDatabase(ctx context.Context, path string, schedule delivery.Schedule, logger *slog.Logger) (*Database, error) {
	if strings.Contains(path, "://") || strings.HasPrefix(path, "file:") {
		return nil, configErrorf("--db %q: must be the path of a file", path)
	}
	db, err := sqlite.Open(ctx, path)
	if err != nil {
		return nil, &ConfigError{err}
	}
	driver := riversqlite.New(db.Writer())
	if err := db.Migrate(ctx, func(ctx context.Context) error {
		return delivery.Migrate(ctx, driver, logger)
	}); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	inserter, err := delivery.NewInserter(driver, schedule, logger)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Database{Store: sqlite.NewStore(db, inserter.EnqueueTx), driver: driver}, nil
}

// OpenExisting is OpenDatabase for commands that make no sense on an empty database.
func OpenExisting(ctx context.Context, path string, schedule delivery.Schedule, logger *slog.Logger) (*Database, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, configErrorf("--db %q: %w", path, errNoDatabase)
	}
	return OpenDatabase(ctx, path, schedule, logger)
}
