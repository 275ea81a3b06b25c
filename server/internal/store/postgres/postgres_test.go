package postgres_test

import (
	"context"
	"log/slog"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/delivery"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store"
	"github.com/cryptomate-go/enablement/server/internal/store/postgres"
	"github.com/cryptomate-go/enablement/server/internal/store/postgres/pgtest"
	"github.com/cryptomate-go/enablement/server/internal/store/storetest"
)

// conns is enough for what a test does at once, and lets many tests share a server.
const conns = 6

func TestStore(t *testing.T) {
	t.Parallel()
	migrated := migratedDSN(t)
	storetest.Exercise(t, func(t *testing.T, enqueueing error) storetest.Fixture {
		dsn := pgtest.Copy(t, migrated)
		db, first := openStore(t, dsn, enqueueing)
		return storetest.Fixture{
			Store:   first,
			Another: func() store.Store { _, another := openStore(t, dsn, enqueueing); return another },
			Count: func(table string) (n int) {
				require.NoError(t, db.Pool().QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&n))
				return n
			},
			Exec: func(statements string) {
				_, err := db.Pool().Exec(t.Context(), "SET timezone = 'UTC';"+statements, pgx.QueryExecModeSimpleProtocol)
				require.NoError(t, err)
			},
			Jobs: riverpgxv5.New(db.Pool()).GetExecutor(),
		}
	})
}

func TestOpen_durable(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	for name, test := range map[string]struct{ parameter, want string }{
		"as it is":     {"", "on"},
		"switched off": {"off", "on"},
		"stricter":     {"remote_apply", "remote_apply"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, with(t, dsn, "synchronous_commit", test.parameter), postgres.Options{})
			require.Equal(t, test.want, setting(t, db, "synchronous_commit"))
		})
	}
}

func TestOpen_options(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	t.Run("defaults", func(t *testing.T) {
		t.Parallel()
		db := open(t, dsn, postgres.Options{})
		require.GreaterOrEqual(t, db.Pool().Config().MaxConns, int32(4))
		require.Equal(t, "15s", setting(t, db, "statement_timeout"))
		require.Equal(t, "5s", setting(t, db, "lock_timeout"))
		require.Equal(t, "15s", setting(t, db, "idle_in_transaction_session_timeout"))
		require.Equal(t, "enablementd", setting(t, db, "application_name"))
	})
	t.Run("of the URL", func(t *testing.T) {
		t.Parallel()
		given := with(t, with(t, with(t, dsn, "pool_max_conns", "7"), "statement_timeout", "3s"), "application_name", "mine")
		db := open(t, given, postgres.Options{})
		require.EqualValues(t, 7, db.Pool().Config().MaxConns)
		require.Equal(t, "3s", setting(t, db, "statement_timeout"))
		require.Equal(t, "mine", setting(t, db, "application_name"))
	})
	t.Run("of the options", func(t *testing.T) {
		t.Parallel()
		given := with(t, with(t, dsn, "pool_max_conns", "7"), "lock_timeout", "3s")
		db := open(t, given, postgres.Options{MaxConns: 9, StatementTimeout: time.Minute, LockTimeout: 1500 * time.Millisecond})
		require.EqualValues(t, 9, db.Pool().Config().MaxConns)
		require.Equal(t, "1min", setting(t, db, "statement_timeout"))
		require.Equal(t, "1500ms", setting(t, db, "lock_timeout"))
	})
}

// TestOpen_secret tries what a person gets wrong in a URL.
func TestOpen_secret(t *testing.T) {
	t.Parallel()
	const secret = "hunter2secret"
	for name, dsn := range map[string]string{
		"nobody listens":     "postgres://u:" + secret + "@127.0.0.1:1/x",
		"no such host":       "postgres://u:" + secret + "@host.invalid/x",
		"no such socket":     "postgres://u:" + secret + "@/x?host=/nowhere",
		"slash in password":  "postgres://u:/" + secret + "@127.0.0.1:1/x",
		"hash in password":   "postgres://u:#" + secret + "@127.0.0.1:1/x",
		"percent":            "postgres://u:%zz" + secret + "@127.0.0.1:1/x",
		"at in password":     "postgres://u:a@" + secret + "@127.0.0.1:1/x",
		"question mark":      "postgres://u:a?" + secret + "@127.0.0.1:1/x",
		"colon":              "postgres://u:1:" + secret + "@127.0.0.1:1/x",
		"password parameter": "postgres://127.0.0.1:1/x?password=" + secret,
		"bad parameter":      "postgres://u:" + secret + "@127.0.0.1:1/x?sslmode=maybe",
		"bad pool size":      "postgres://u:" + secret + "@127.0.0.1:1/x?pool_max_conns=many",
		"bad port":           "postgres://u:" + secret + "@127.0.0.1:99999/x",
		"keywords":           "host=127.0.0.1 port=1 password=" + secret,
		"other scheme":       "mysql://u:" + secret + "@127.0.0.1:1/x",
		"no scheme":          "u:" + secret + "@127.0.0.1:1/x",
		"blanks":             " postgres://u:" + secret + "@127.0.0.1:1/x",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := postgres.Open(t.Context(), dsn, postgres.Options{})
			require.Error(t, err)
			require.NotContains(t, err.Error(), secret)
			t.Log(err)
		})
	}
}

// TestSchema: a program serves its own schema and the next one, and no other.
func TestSchema(t *testing.T) {
	t.Parallel()
	db := open(t, pgtest.DSN(t), postgres.Options{})
	require.ErrorIs(t, db.Ready(t.Context()), store.ErrSchemaOld, "it is empty")
	schema, err := db.Schema(t.Context())
	require.NoError(t, err)
	require.Zero(t, schema.Current)
	require.NoError(t, migrate(t.Context(), db))
	require.NoError(t, db.Ready(t.Context()))
	schema, err = db.Schema(t.Context())
	require.NoError(t, err)
	require.Equal(t, schema.Known, schema.Current)
	at := func(version int64) {
		t.Helper()
		_, err := db.Pool().Exec(t.Context(), `DELETE FROM goose_db_version WHERE version_id > $1`, version)
		require.NoError(t, err)
		_, err = db.Pool().Exec(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES ($1, true)`, version)
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

// TestProbe_readOnly: a standby, or a database that an administrator has closed, can be read and not written.
func TestProbe_readOnly(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	db := open(t, dsn, postgres.Options{})
	require.NoError(t, migrate(t.Context(), db))
	require.NoError(t, db.Probe(t.Context()))
	_, err := db.Pool().Exec(t.Context(), `DO $$ BEGIN
		EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$`)
	require.NoError(t, err)
	another := open(t, dsn, postgres.Options{})
	require.NoError(t, another.Ready(t.Context()))
	require.ErrorContains(t, another.Probe(t.Context()), "read-only")
}

func TestMigrate_manyAtOnce(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	errs := make([]error, 10)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() {
			db, err := postgres.Open(t.Context(), dsn, postgres.Options{MaxConns: 2})
			if err == nil {
				err = migrate(t.Context(), db)
			}
			if err == nil {
				err = db.Ready(t.Context())
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

// TestMigrate_holderDies: the lock of a process that is killed is free at once.
func TestMigrate_holderDies(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	first, second := open(t, dsn, postgres.Options{}), open(t, dsn, postgres.Options{})
	holding, waiting := make(chan struct{}), make(chan error, 1)
	died := make(chan error, 1)
	go func() {
		died <- first.Migrate(t.Context(), func(ctx context.Context, _ *pgxpool.Pool) error {
			close(holding)
			<-ctx.Done() // for ever
			return ctx.Err()
		})
	}()
	t.Cleanup(func() { require.Error(t, <-died) })
	<-holding
	go func() { waiting <- migrate(t.Context(), second) }()
	select {
	case err := <-waiting:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	impatient, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, migrate(impatient, open(t, dsn, postgres.Options{})), context.DeadlineExceeded)
	_, err := second.Pool().Exec(t.Context(), `
		SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
	require.NoError(t, err)
	require.NoError(t, <-waiting)
}

func migratedDSN(t testing.TB) string {
	t.Helper()
	dsn := pgtest.DSN(t)
	db, err := postgres.Open(t.Context(), dsn, postgres.Options{})
	require.NoError(t, err)
	require.NoError(t, migrate(t.Context(), db))
	require.NoError(t, db.Close()) // nobody may be connected to what is copied
	return dsn
}

func open(t testing.TB, dsn string, options postgres.Options) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), dsn, options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// openStore opens a store in a migrated database, with the queue's own inserter, after which enqueueing
// fails where it is not nil.
func openStore(t testing.TB, dsn string, enqueueing error) (*postgres.DB, *postgres.Store) {
	t.Helper()
	db := open(t, dsn, postgres.Options{MaxConns: conns})
	inserter, err := delivery.NewInserter(riverpgxv5.New(db.Pool()), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	return db, postgres.NewStore(db, func(ctx context.Context, tx pgx.Tx, deliveries []enablement.Due) error {
		if err := inserter.EnqueueTx(ctx, tx, deliveries); err != nil {
			return err
		}
		return enqueueing
	})
}

func migrate(ctx context.Context, db *postgres.DB) error {
	return db.Migrate(ctx, func(ctx context.Context, pool *pgxpool.Pool) error {
		return delivery.Migrate(ctx, riverpgxv5.New(pool), slog.New(slog.DiscardHandler))
	})
}

// with returns the URL with a parameter, if that has a value.
func with(t *testing.T, dsn, parameter, value string) string {
	t.Helper()
	address, err := url.Parse(dsn)
	require.NoError(t, err)
	if value != "" {
		query := address.Query()
		query.Set(parameter, value)
		address.RawQuery = query.Encode()
	}
	return address.String()
}

func setting(t *testing.T, db *postgres.DB, name string) (value string) {
	t.Helper()
	require.NoError(t, db.Pool().QueryRow(t.Context(), `SELECT current_setting($1)`, name).Scan(&value))
	return value
}
