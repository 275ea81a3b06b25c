package pgtest_test

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver, under the name "pgx"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/client/notification"
	"github.com/cryptomate-go/enablement/server/internal/store/postgres/pgtest"
)

// TestSeen: the receiver's lasting memory, which the client's own tests have on SQLite, on PostgreSQL. It
// is here because this is where a server is to be had.
func TestSeen(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("pgx", pgtest.DSN(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	for range 2 {
		_, err = db.ExecContext(t.Context(), notification.Schema)
		require.NoError(t, err, "on every start")
	}
	_, err = db.ExecContext(t.Context(), `CREATE TABLE orders (id TEXT)`)
	require.NoError(t, err)
	seen := notification.NewDatabase(db)
	fails := errors.New("broken")
	write := func(result error) func(context.Context) error {
		return func(ctx context.Context) error {
			tx, err := notification.Tx(ctx)
			if err == nil {
				_, err = tx.ExecContext(ctx, `INSERT INTO orders VALUES ('one')`)
			}
			return errors.Join(err, result)
		}
	}
	require.ErrorIs(t, seen.Once(t.Context(), "a", write(fails)), fails)
	require.Equal(t, 0, orders(t, db), "what the handler wrote goes with the record")

	errs := make([]error, 16)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() { errs[i] = seen.Once(t.Context(), "a", write(nil)) })
	}
	group.Wait()
	for _, err := range errs {
		require.NoError(t, err, "who comes second waits, and has nothing to do")
	}
	require.Equal(t, 1, orders(t, db))
	require.NoError(t, seen.Once(t.Context(), "b", write(nil)))
	require.Equal(t, 2, orders(t, db))
}

func orders(t *testing.T, db *sql.DB) (n int) {
	t.Helper()
	require.NoError(t, db.QueryRowContext(t.Context(), `SELECT count(*) FROM orders`).Scan(&n))
	return n
}
