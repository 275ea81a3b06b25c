package sqlite_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestStatements holds the connection that keeps its statements to what one that doesn't would do.
func TestStatements(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "test.db")).Writer()
	exec := func(query string, args ...any) {
		t.Helper()
		_, err := db.ExecContext(t.Context(), query, args...)
		require.NoError(t, err)
	}
	exec(`CREATE TABLE a (n INTEGER PRIMARY KEY); CREATE TABLE b (n INTEGER)`) // two at once
	for n := range 5 {
		exec(`INSERT INTO a (n) VALUES (?)`, n)
	}
	const list = `SELECT n FROM a ORDER BY n`

	t.Run("one inside of the other", func(t *testing.T) {
		tx, err := db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		defer func() { require.NoError(t, tx.Rollback()) }()
		outer, err := tx.QueryContext(t.Context(), list)
		require.NoError(t, err)
		defer func() { require.NoError(t, outer.Close()) }()
		for want := range 5 {
			require.True(t, outer.Next())
			var n, first int
			require.NoError(t, outer.Scan(&n))
			require.Equal(t, want, n)
			require.NoError(t, tx.QueryRowContext(t.Context(), list).Scan(&first))
			require.Zero(t, first)
		}
		require.False(t, outer.Next())
		require.NoError(t, outer.Err())
	})

	t.Run("more than are kept", func(t *testing.T) {
		tx, err := db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		defer func() { require.NoError(t, tx.Rollback()) }()
		held, err := tx.QueryContext(t.Context(), `SELECT n FROM a WHERE n >= 0 ORDER BY n`)
		require.NoError(t, err)
		defer func() { require.NoError(t, held.Close()) }()
		require.True(t, held.Next())
		for n := range 500 {
			var got int
			require.NoError(t, tx.QueryRowContext(t.Context(), fmt.Sprintf(`SELECT %d`, n)).Scan(&got))
			require.Equal(t, n, got)
		}
		rest := 0
		for held.Next() {
			rest++
		}
		require.Equal(t, 4, rest, "a statement that was pushed out while it was read is read to its end")
		require.NoError(t, held.Err())
	})

	t.Run("the schema changes", func(t *testing.T) {
		var n int
		require.NoError(t, db.QueryRowContext(t.Context(), `SELECT count(*) FROM b`).Scan(&n))
		exec(`DROP TABLE b`)
		require.Error(t, db.QueryRowContext(t.Context(), `SELECT count(*) FROM b`).Scan(&n))
		exec(`CREATE TABLE b (n INTEGER, m INTEGER)`)
		exec(`INSERT INTO b VALUES (1, 2)`)
		require.NoError(t, db.QueryRowContext(t.Context(), `SELECT count(*) FROM b`).Scan(&n))
		require.Equal(t, 1, n)
	})

	t.Run("an error, and again", func(t *testing.T) {
		for range 3 {
			_, err := db.ExecContext(t.Context(), `INSERT INTO a (n) VALUES (?)`, 1)
			require.ErrorContains(t, err, "UNIQUE")
		}
		exec(`INSERT INTO a (n) VALUES (?)`, 100)
	})

	t.Run("a context that ended", func(t *testing.T) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		var n int
		require.ErrorIs(t, db.QueryRowContext(ended, list).Scan(&n), context.Canceled)
		require.NoError(t, db.QueryRowContext(t.Context(), list).Scan(&n))
	})
}
