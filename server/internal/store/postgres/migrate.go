package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/cryptomate-go/enablement/server/internal/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	// migrateLock lets one process through at a time.
	migrateLock int64 = 0x656e61626c650001
	// lockWait is how often a process looks whether another one has finished migrating. It doesn't wait
	// inside of a statement: building an index concurrently would wait for that statement.
	lockWait = 50 * time.Millisecond
	// closeTimeout bounds the farewell to a server, which may be gone.
	closeTimeout = 5 * time.Second
	// migrateConns: one holds the lock, the others migrate.
	migrateConns = 4
)

// Migrate brings the database up to date: the schema here, then whatever else, the queue's, on the
// connections given, which have no time limits. Any number of processes may call it at the same
// time: a lock lets one through at a time, and the server releases it with the connection of a
// process that is killed.
func (db *DB) Migrate(ctx context.Context, rest func(context.Context, *pgxpool.Pool) error) error {
	config := db.pool.Config()
	config.MinConns, config.MinIdleConns, config.MaxConns = 0, 0, migrateConns
	limited := config.AfterConnect
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		if err := limited(ctx, conn); err != nil {
			return err
		}
		return set(ctx, conn, map[string]string{
			"statement_timeout": "0", "lock_timeout": "0", "idle_in_transaction_session_timeout": "0",
		})
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	defer pool.Close()
	var conn *pgxpool.Conn
	if err := inTime(ctx, func(ctx context.Context) (err error) {
		conn, err = pool.Acquire(ctx)
		return err
	}); err != nil {
		return fmt.Errorf("migrating %s: %w", db.name, err)
	}
	// Not given back but closed, and the lock with it.
	holder := conn.Hijack()
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		_ = holder.Close(closing)
	}()
	if err := lock(ctx, holder); err != nil {
		return fmt.Errorf("waiting for another process to migrate %s: %w", db.name, err)
	}
	answering, done := whileAnswering(ctx, holder)
	err = db.migrate(answering, pool)
	if err == nil {
		err = rest(answering, pool)
	}
	if gone := done(); gone != nil {
		return fmt.Errorf("migrating %s: %w", db.name, gone)
	}
	if err != nil {
		return err
	}
	// What was done while the lock was lost may have been done twice.
	if err := holder.Ping(ctx); err != nil {
		return fmt.Errorf("migrating %s: the lock was lost: %w", db.name, classify(ctx, err))
	}
	return nil
}

func lock(ctx context.Context, conn *pgx.Conn) error {
	for {
		var locked bool
		if err := inTime(ctx, func(ctx context.Context) error {
			return conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, migrateLock).Scan(&locked)
		}); err != nil || locked {
			return err
		}
		select {
		case <-time.After(lockWait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (db *DB) migrate(ctx context.Context, pool *pgxpool.Pool) (err error) {
	provider, done, err := newProvider(pool)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("migrating %s: %w", db.name, classify(ctx, err))
	}
	if current < target {
		_, err = provider.Up(ctx)
	} else if err = (store.Schema{Current: current, Known: target}).Check(); err == nil {
		err = fillReviews(ctx, pool)
	}
	if err != nil {
		return fmt.Errorf("migrating %s: %w", db.name, classify(ctx, err))
	}
	return nil
}

// lateReviews are of what processes of the version before submitted after the migration that brought reviews. It is
// looked for within a day of that: all requests are read for it.
const lateReviews = missingReviews + `
	AND (SELECT max(tstamp) FROM goose_db_version WHERE version_id = 4) > localtimestamp - interval '1 day'` + passOver

func fillReviews(ctx context.Context, pool *pgxpool.Pool) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		b := &pgx.Batch{}
		b.Queue(`SET LOCAL enable_seqscan = on`)
		b.Queue(lateReviews)
		return tx.SendBatch(ctx, b).Close()
	})
}

func newProvider(pool *pgxpool.Pool) (provider *goose.Provider, done func() error, err error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, nil, err
	}
	handle := stdlib.OpenDBFromPool(pool)
	provider, err = goose.NewProvider(goose.DialectPostgres, handle, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, nil, errors.Join(err, handle.Close())
	}
	return provider, handle.Close, nil
}

// Schema tells which version the schema is at. It changes nothing.
func (db *DB) Schema(ctx context.Context) (store.Schema, error) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return store.Schema{}, err
	}
	var schema store.Schema
	if schema.Known, err = goose.NumericComponent(files[len(files)-1]); err != nil {
		return store.Schema{}, err
	}
	err = inTime(ctx, func(ctx context.Context) error {
		var exists bool
		if err := db.pool.QueryRow(ctx, `SELECT to_regclass('goose_db_version') IS NOT NULL`).Scan(&exists); err != nil || !exists {
			return err
		}
		return db.pool.QueryRow(ctx, `SELECT coalesce(max(version_id), 0) FROM goose_db_version`).Scan(&schema.Current)
	})
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
