package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/delivery"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store"
	"github.com/cryptomate-go/enablement/server/internal/store/sqlite"
	"github.com/cryptomate-go/enablement/server/internal/store/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Exercise(t, func(t *testing.T, enqueueing error) storetest.Fixture {
		path := filepath.Join(t.TempDir(), "test.db")
		db, first := openStore(t, path, enqueueing)
		return storetest.Fixture{
			Store:   first,
			Another: func() store.Store { _, another := openStore(t, path, enqueueing); return another },
			Count: func(table string) (n int) {
				require.NoError(t, db.Writer().QueryRow("SELECT count(*) FROM "+table).Scan(&n))
				return n
			},
			Exec: func(statements string) {
				_, err := db.Writer().Exec(statements)
				require.NoError(t, err)
			},
			Jobs: riversqlite.New(db.Writer()).GetExecutor(),
		}
	})
}

func TestOpen(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{
		"plain":              "plain.db",
		"space and question": "a b?c=d.db",
		"percent and hash":   "50%#1.db",
		"no extension":       "database",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), path)
			db := open(t, path)
			require.NoError(t, migrate(t.Context(), db))
			info, err := os.Stat(path)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode(), "it holds personal data")
		})
	}
	t.Run("no directory", func(t *testing.T) {
		t.Parallel()
		_, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "missing", "x.db"))
		require.ErrorContains(t, err, "no directory")
	})
	t.Run("not a database", func(t *testing.T) {
		t.Parallel()
		_, err := sqlite.Open(t.Context(), t.TempDir())
		require.Error(t, err)
	})
}

// TestOpen_durable checks what the whole service rests on: a commit is on the disk.
func TestOpen_durable(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "test.db"))
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		var got string
		require.NoError(t, db.Writer().QueryRow("PRAGMA "+pragma).Scan(&got))
		require.Equal(t, want, got, pragma)
	}
}

// TestSchema: a program serves its own schema and the next one, and no other.
func TestSchema(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "test.db"))
	require.ErrorIs(t, db.Ready(t.Context()), store.ErrSchemaOld, "it is empty")
	require.NoError(t, migrate(t.Context(), db))
	require.NoError(t, db.Ready(t.Context()))
	schema, err := db.Schema(t.Context())
	require.NoError(t, err)
	require.Equal(t, schema.Known, schema.Current)
	at := func(version int64) {
		t.Helper()
		_, err := db.Writer().Exec(`DELETE FROM goose_db_version WHERE version_id > ?`, version)
		require.NoError(t, err)
		_, err = db.Writer().Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (?, true)`, version)
		require.NoError(t, err)
	}
	at(schema.Known + 1)
	require.NoError(t, db.Ready(t.Context()))
	require.NoError(t, migrate(t.Context(), db), "there is nothing to do")
	at(schema.Known + 2)
	require.ErrorIs(t, db.Ready(t.Context()), store.ErrSchemaNew)
	require.ErrorIs(t, migrate(t.Context(), db), store.ErrSchemaNew)
	at(schema.Known - 1)
	require.ErrorIs(t, db.Ready(t.Context()), store.ErrSchemaOld)
}

// TestProbe_locked: the file can be read, and another process keeps it from being written.
func TestProbe_locked(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "test.db")
	db, other := open(t, path), open(t, path)
	require.NoError(t, migrate(t.Context(), db))
	conn, err := other.Writer().Conn(t.Context())
	require.NoError(t, err)
	_, err = conn.ExecContext(t.Context(), `BEGIN IMMEDIATE`)
	require.NoError(t, err)
	require.NoError(t, db.Ready(t.Context()))
	require.ErrorIs(t, db.Probe(t.Context()), store.ErrUnavailable)
	_, err = conn.ExecContext(t.Context(), `ROLLBACK`)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	require.NoError(t, db.Probe(t.Context()))
}

func TestMigrate_manyAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "test.db")
	var group sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		group.Go(func() {
			db, err := sqlite.Open(t.Context(), path)
			if err == nil {
				err = migrate(t.Context(), db)
			}
			if err == nil {
				err = db.Close()
			}
			errs[i] = err
		})
	}
	group.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
}

// TestOpen_manyAtOnce: who opens a new file while others do waits for them.
func TestOpen_manyAtOnce(t *testing.T) {
	t.Parallel()
	for range 20 {
		path := filepath.Join(t.TempDir(), "new.db")
		var group sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			group.Go(func() {
				db, err := sqlite.Open(t.Context(), path)
				if err == nil {
					err = db.Close()
				}
				errs[i] = err
			})
		}
		group.Wait()
		require.NoError(t, errors.Join(errs...))
	}
}

func open(t *testing.T, path string) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// openStore opens a store in a file, with the queue's own inserter, after which enqueueing fails where
// it is not nil.
func openStore(t *testing.T, path string, enqueueing error) (*sqlite.DB, *sqlite.Store) {
	t.Helper()
	db := open(t, path)
	require.NoError(t, migrate(t.Context(), db))
	inserter, err := delivery.NewInserter(riversqlite.New(db.Writer()), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	return db, sqlite.NewStore(db, func(ctx context.Context, tx *sql.Tx, deliveries []enablement.Due) error {
		if err := inserter.EnqueueTx(ctx, tx, deliveries); err != nil {
			return err
		}
		return enqueueing
	})
}

func migrate(ctx context.Context, db *sqlite.DB) error {
	return db.Migrate(ctx, func(ctx context.Context) error {
		return delivery.Migrate(ctx, riversqlite.New(db.Writer()), slog.New(slog.DiscardHandler))
	})
}
